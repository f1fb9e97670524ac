import { Failure } from '#platform/failure.ts';
import { allOf, isSpace, TOKEN } from '#sip/message/characters.ts';
import { checkMessage } from '#sip/message/check.ts';
import { malformed, type SipMessageFault } from '#sip/message/fault.ts';
import { headerKey } from '#sip/message/header-names.ts';
import { type HeaderField, Headers } from '#sip/message/headers.ts';
import { type SipMessage, SipRequest, SipResponse } from '#sip/message/message.ts';
import { parseNumber } from '#sip/message/scalars.ts';
import { parseUri } from '#sip/message/uri.ts';

const MAX_FIELDS = 512;

/** A message, or why it is none. `request` is there when its header was readable, so that it can perhaps be answered. */
export type Parsed =
  | { readonly message: SipMessage; readonly fault?: undefined }
  | {
      readonly message?: undefined;
      readonly fault: Failure<SipMessageFault>;
      readonly request: SipRequest | undefined;
    };

/**
 * Reads one whole message. In a datagram Content-Length may be missing, and octets behind the body are dropped
 * (RFC 3261 §18.3); a stream hands in exactly one message. Takes time linear in the length. Does not throw.
 */
export function parseMessage(bytes: Uint8Array): Parsed {
  let request: SipRequest | undefined;
  try {
    const { startLine, headers, rest } = splitMessage(bytes);
    const message = readStartLine(startLine, headers);
    if (message.kind === 'request') {
      request = message;
      checkRequestLine(startLine, message);
    }
    const complete = message.with({ body: readBody(headers, rest) });
    checkMessage(complete);
    return { message: complete };
  } catch (thrown) {
    if (!isMessageFault(thrown)) throw thrown;
    return { fault: thrown, request };
  }
}

/** Whether something thrown by a getter of a message is its fault and not a defect of this program. */
export function isMessageFault(thrown: unknown): thrown is Failure<SipMessageFault> {
  return thrown instanceof Failure && typeof thrown.fault.at === 'string' && typeof thrown.fault.status === 'number';
}

function splitMessage(bytes: Uint8Array): { startLine: string; headers: Headers; rest: Uint8Array } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // RFC 3261 §7.5: line ends before the start line are ignored.
  let start = 0;
  while (buffer[start] === 0x0d && buffer[start + 1] === 0x0a) start += 2;
  const end = buffer.indexOf('\r\n\r\n', start, 'latin1');
  if (end < 0) throw malformed('message', 'the empty line behind the header is missing');
  // One character an octet: what is printed again has the same bytes.
  const head = buffer.toString('latin1', start, end);
  const lineEnd = head.indexOf('\r\n');
  const startLine = lineEnd < 0 ? head : head.slice(0, lineEnd);
  return {
    startLine,
    headers: new Headers(lineEnd < 0 ? [] : readFields(head, lineEnd + 2)),
    rest: bytes.subarray(end + 4),
  };
}

function readFields(head: string, from: number): HeaderField[] {
  const fields: HeaderField[] = [];
  for (let start = from; start < head.length; ) {
    let end = head.indexOf('\r\n', start);
    // RFC 3261 §7.3.1: a line that starts with white space continues the one before.
    while (end >= 0 && isSpace(head.charCodeAt(end + 2))) end = head.indexOf('\r\n', end + 2);
    if (end < 0) end = head.length;
    if (fields.length >= MAX_FIELDS) throw malformed('message', `it has more than ${MAX_FIELDS} header fields`);
    fields.push(readField(head.slice(start, end)));
    start = end + 2;
  }
  return fields;
}

function readField(text: string): HeaderField {
  const colon = text.indexOf(':');
  let nameEnd = Math.max(colon, 0);
  while (nameEnd > 0 && isSpace(text.charCodeAt(nameEnd - 1))) nameEnd--;
  const name = text.slice(0, nameEnd);
  if (!allOf(name, TOKEN)) throw malformed('message', 'a header field has no name');
  checkLineEnds(text);
  return { key: headerKey(name), text, colon };
}

/** A carriage return or line feed that is no fold would let a field hide from one element and show to the next. */
function checkLineEnds(text: string): void {
  for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) {
    if (text.charCodeAt(i - 1) !== 0x0d || !isSpace(text.charCodeAt(i + 1)))
      throw malformed('message', 'a line end is not CRLF');
  }
  for (let i = text.indexOf('\r'); i >= 0; i = text.indexOf('\r', i + 1)) {
    if (text.charCodeAt(i + 1) !== 0x0a) throw malformed('message', 'a line end is not CRLF');
  }
}

function readStartLine(line: string, headers: Headers): SipMessage {
  if (/[\r\n]/.test(line)) throw malformed('start line', 'a line end is not CRLF');
  if (/^SIP\//i.test(line)) return readStatusLine(line, headers);
  const space = line.indexOf(' ');
  const method = line.slice(0, Math.max(space, 0));
  if (!allOf(method, TOKEN)) throw malformed('request line', 'the method is not a token');
  const uriEnd = line.lastIndexOf(' ');
  return new SipRequest({ method, uri: line.slice(space + 1, Math.max(uriEnd, space + 1)), headers });
}

function checkRequestLine(line: string, request: SipRequest): void {
  const version = line.slice(line.lastIndexOf(' ') + 1);
  if (!/^SIP\/\d{1,9}\.\d{1,9}$/i.test(version))
    throw malformed('request line', 'it does not end with the SIP version');
  if (version.toUpperCase() !== 'SIP/2.0') {
    const fault: SipMessageFault = { code: 'unsupported-version', status: 505, at: 'request line' };
    throw new Failure<SipMessageFault>(fault, 'The SIP version is not 2.0, the only one there is');
  }
  if (request.sipUri === undefined) parseUri(request.uri, 'Request-URI');
}

function readStatusLine(line: string, headers: Headers): SipResponse {
  const match = /^SIP\/2\.0 ([1-6]\d\d) /i.exec(line);
  if (match === null) throw malformed('status line', 'it is not SIP/2.0, a status of three digits and a phrase');
  return new SipResponse({ status: Number(match[1]), phrase: line.slice(match[0].length), headers });
}

function readBody(headers: Headers, rest: Uint8Array): Uint8Array {
  if (headers.count('Content-Length') > 1) throw malformed('content-length', 'it appears more than once');
  const stated = headers.value('Content-Length');
  if (stated === undefined) return rest;
  const length = parseNumber(stated, 'content-length', 2 ** 32 - 1);
  if (length > rest.length) throw malformed('content-length', 'the body is shorter than it says');
  return rest.subarray(0, length);
}
