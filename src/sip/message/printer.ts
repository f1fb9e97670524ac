import { concat } from '#platform/bytes.ts';
import type { SipMessage } from '#sip/message/message.ts';

/** The bytes of a message. Content-Length is set to the length of the body; every other field keeps its bytes. */
export function printMessage(message: SipMessage): Uint8Array {
  const length = String(message.body.length);
  const headers =
    message.headers.value('Content-Length') === length
      ? message.headers
      : message.headers.set('Content-Length', length);
  const lines = [startLine(message)];
  for (const field of headers.fields) lines.push(field.text);
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  return message.body.length === 0 ? head : concat(head, message.body);
}

function startLine(message: SipMessage): string {
  return message.kind === 'request'
    ? `${message.method} ${message.uri} SIP/2.0`
    : `SIP/2.0 ${message.status} ${message.phrase}`;
}

/** Text of this program as the Latin-1 characters of its UTF-8 octets, the form header fields are kept in. */
export function toHeaderText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** The text that the octets of a header field mean. */
export function fromHeaderText(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}
