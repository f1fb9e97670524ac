/** Character classes of RFC 3261 §25.1 as one bit each, so that a scan is one table look-up per octet. */
export const TOKEN = 1;
/** user: unreserved and user-unreserved; an escape is checked apart. */
export const USER = 2;
/** paramchar of a SIP URI. */
export const URI_PARAMETER = 4;
/** hname and hvalue of a SIP URI. */
export const URI_HEADER = 8;
/** hostname, IPv4address. An underscore is taken too: names on private networks hold it. */
export const HOST = 16;
export const DIGIT = 32;
/** word of a Call-ID. */
export const WORD = 64;
/** What an absoluteURI of an unknown scheme may hold. */
export const URI = 128;

const ALPHANUMERIC = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const MARK = "-_.!~*'()";

const classes = new Uint8Array(256);
mark(TOKEN, `${ALPHANUMERIC}-.!%*_+\`'~`);
mark(USER, `${ALPHANUMERIC}${MARK}&=+$,;?/%:`);
mark(URI_PARAMETER, `${ALPHANUMERIC}${MARK}[]/:&+$%`);
mark(URI_HEADER, `${ALPHANUMERIC}${MARK}[]/?:+$%`);
mark(HOST, `${ALPHANUMERIC}-._`);
mark(DIGIT, '0123456789');
mark(WORD, `${ALPHANUMERIC}-.!%*_+\`'~()<>:\\/"[]?{}@`);
mark(URI, `${ALPHANUMERIC}${MARK};/?:@&=+$,%[]#`);

function mark(bit: number, characters: string): void {
  for (const character of characters) {
    const code = character.charCodeAt(0);
    classes[code] = (classes[code] ?? 0) | bit;
  }
}

export function isOf(code: number, bit: number): boolean {
  return ((classes[code] ?? 0) & bit) !== 0;
}

/** Whether the text is not empty and every character is of the class. */
export function allOf(text: string, bit: number): boolean {
  for (let i = 0; i < text.length; i++) if (!isOf(text.charCodeAt(i), bit)) return false;
  return text.length > 0;
}

/** Whether every percent sign starts an escape of two hexadecimal digits (RFC 3261 §25.1 escaped). */
export function escapesAreWhole(text: string): boolean {
  for (let i = text.indexOf('%'); i >= 0; i = text.indexOf('%', i + 1)) {
    if (!isHex(text.charCodeAt(i + 1)) || !isHex(text.charCodeAt(i + 2))) return false;
  }
  return true;
}

function isHex(code: number): boolean {
  return (code >= 48 && code <= 57) || (code >= 65 && code <= 70) || (code >= 97 && code <= 102);
}

/** Takes spaces and tabs off both ends; unlike `String.trim` it leaves octets above 127 alone. */
export function trimSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

export function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
