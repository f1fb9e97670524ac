import { HOST } from '#sip/message/characters.ts';
import { Cursor } from '#sip/message/cursor.ts';
import { malformed } from '#sip/message/fault.ts';
import { type Parameters, parseParameters, printParameters } from '#sip/message/parameters.ts';
import { parseHostPort, parsePort } from '#sip/message/uri.ts';

/** One via-parm (RFC 3261 §20.42). */
export interface Via {
  /** Upper case: UDP, TCP, TLS, ... */
  readonly transport: string;
  /** As written; IPv6 in brackets. */
  readonly host: string;
  readonly port: number | undefined;
  readonly parameters: Parameters;
}

/** Branches that start so are unique over space and time (RFC 3261 §8.1.1.7). */
export const MAGIC_COOKIE = 'z9hG4bK';

export function parseVia(text: string): Via {
  const cursor = new Cursor(text, 'Via');
  cursor.skipSpace();
  const protocol = cursor.token('the protocol name');
  cursor.expect('/');
  const version = cursor.token('the protocol version');
  cursor.expect('/');
  const transport = cursor.token('the transport').toUpperCase();
  if (protocol.toUpperCase() !== 'SIP' || version !== '2.0') throw malformed('Via', 'the protocol is not SIP/2.0');
  cursor.skipSpace();
  const place = sentBy(cursor);
  const parameters = parseParameters(cursor);
  cursor.end();
  return { transport, ...place, parameters };
}

function sentBy(cursor: Cursor): { host: string; port: number | undefined } {
  const host = cursor.text[cursor.at] === '[' ? `${cursor.until(']')}]` : cursor.run(HOST);
  const place = parseHostPort(host, 'Via');
  if (!cursor.take(':')) return place;
  const start = cursor.at;
  while (cursor.peek() >= 0x30 && cursor.peek() <= 0x39) cursor.at++;
  return { host: place.host, port: parsePort(cursor.text.slice(start, cursor.at), 'Via') };
}

export function printVia(via: Via): string {
  const port = via.port === undefined ? '' : `:${via.port}`;
  return `SIP/2.0/${via.transport} ${via.host}${port}${printParameters(via.parameters)}`;
}
