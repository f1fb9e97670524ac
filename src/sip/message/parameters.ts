import { isOf, TOKEN } from '#sip/message/characters.ts';
import type { Cursor } from '#sip/message/cursor.ts';
import { malformed } from '#sip/message/fault.ts';

/** Parameters of a header field by lower-case name; the value as written (quotes kept), undefined for a flag. */
export type Parameters = ReadonlyMap<string, string | undefined>;

const MAX_PARAMETERS = 64;

/** `*( SEMI generic-param )` of RFC 3261 §25.1. Stops at the first character that does not belong to it. */
export function parseParameters(cursor: Cursor): Parameters {
  const parameters = new Map<string, string | undefined>();
  while (cursor.take(';')) {
    const name = cursor.token('a parameter name').toLowerCase();
    // RFC 3261 §7.3.1: any given parameter-name MUST NOT appear more than once.
    if (parameters.has(name)) throw malformed(cursor.field, 'a parameter appears twice');
    if (parameters.size >= MAX_PARAMETERS) throw malformed(cursor.field, 'too many parameters');
    parameters.set(name, cursor.take('=') ? parameterValue(cursor) : undefined);
    cursor.skipSpace();
  }
  return parameters;
}

function parameterValue(cursor: Cursor): string {
  if (cursor.isQuote()) return cursor.quoted();
  const start = cursor.at;
  // A token or a host. IPv6 addresses come with brackets and, in received=, without (RFC 3261 §25.1 via-received).
  for (let code = cursor.peek(); isOf(code, TOKEN) || code === 0x5b || code === 0x5d || code === 0x3a; ) {
    cursor.at++;
    code = cursor.peek();
  }
  if (cursor.at === start) throw malformed(cursor.field, 'a parameter has no value');
  return cursor.text.slice(start, cursor.at);
}

export function printParameters(parameters: Parameters): string {
  let printed = '';
  for (const [name, value] of parameters) printed += value === undefined ? `;${name}` : `;${name}=${value}`;
  return printed;
}
