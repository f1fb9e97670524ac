import { isSpace } from '#sip/message/characters.ts';
import { Cursor, quote, unquote } from '#sip/message/cursor.ts';
import { malformed } from '#sip/message/fault.ts';
import { type Parameters, parseParameters } from '#sip/message/parameters.ts';
import { parseUri } from '#sip/message/uri.ts';

/** name-addr or addr-spec with header parameters: From, To, Contact, Route, P-Asserted-Identity (RFC 3261 §20.10). */
export interface NameAddress {
  readonly displayName: string | undefined;
  /** The URI as written. */
  readonly uri: string;
  readonly parameters: Parameters;
}

export function parseNameAddress(text: string, field: string): NameAddress {
  const cursor = new Cursor(text, field);
  cursor.skipSpace();
  const displayName = readDisplayName(cursor);
  const uri = displayName === undefined ? bareUri(cursor) : cursor.until('>');
  parseUri(uri, field);
  const parameters = parseParameters(cursor);
  cursor.end();
  return { displayName: displayName === '' ? undefined : displayName, uri, parameters };
}

/** Moves behind "<" and returns the name before it, '' when there is none; undefined when the address has no brackets. */
function readDisplayName(cursor: Cursor): string | undefined {
  if (cursor.isQuote()) {
    const name = unquote(cursor.quoted());
    cursor.skipSpace();
    openBracket(cursor);
    return name;
  }
  const bracket = cursor.text.indexOf('<');
  // A colon ahead of the bracket belongs to a bare URI; the bracket is then inside a quoted parameter.
  if (bracket < 0 || cursor.text.lastIndexOf(':', bracket) >= 0) return undefined;
  const words: string[] = [];
  while (cursor.at < bracket) {
    words.push(cursor.token('a quote around the display name'));
    cursor.skipSpace();
  }
  openBracket(cursor);
  return words.join(' ');
}

function openBracket(cursor: Cursor): void {
  if (cursor.text[cursor.at] !== '<') throw malformed(cursor.field, '"<" is missing after the display name');
  cursor.at++;
}

/** RFC 3261 §20.10: without brackets, a semicolon starts header parameters, and comma and question mark cannot occur. */
function bareUri(cursor: Cursor): string {
  const start = cursor.at;
  for (; !cursor.done; cursor.at++) {
    const character = cursor.text[cursor.at];
    if (character === ';' || isSpace(cursor.peek())) break;
    if (character === '?' || character === ',')
      throw malformed(cursor.field, `a URI with "${character}" needs brackets`);
  }
  return cursor.text.slice(start, cursor.at);
}

/** Prints in the bracketed form. The display name is given as text and is quoted here. */
export function printNameAddress(uri: string, displayName?: string): string {
  return displayName === undefined || displayName === '' ? `<${uri}>` : `${quote(displayName)} <${uri}>`;
}
