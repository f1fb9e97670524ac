import { allOf, DIGIT, escapesAreWhole, HOST, URI, URI_HEADER, URI_PARAMETER, USER } from '#sip/message/characters.ts';
import { malformed } from '#sip/message/fault.ts';

/** A sip: or sips: URI taken apart (RFC 3261 §19.1.1). Parts are as written: escapes are not resolved. */
export interface SipUri {
  readonly scheme: 'sip' | 'sips';
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** Host name, IPv4 address, or IPv6 address with its brackets. */
  readonly host: string;
  readonly port: number | undefined;
  /** By lower-case name; '' for a flag. */
  readonly parameters: ReadonlyMap<string, string>;
  /** What follows the question mark, or undefined. */
  readonly headers: string | undefined;
}

const MAX_URI_LENGTH = 8192;

/** Parses a URI of any scheme; the parts only of sip: and sips:. Returns undefined for a well-formed URI of another scheme. */
export function parseUri(text: string, at: string): SipUri | undefined {
  if (text.length > MAX_URI_LENGTH) throw malformed(at, 'the URI is too long');
  const colon = text.indexOf(':');
  const scheme = text.slice(0, Math.max(colon, 0)).toLowerCase();
  if (scheme === 'sip' || scheme === 'sips') return parseSipUri(scheme, text.slice(colon + 1), at);
  if (!/^[a-z][a-z0-9+.-]{0,63}$/.test(scheme)) throw malformed(at, 'the URI has no scheme');
  if (!allOf(text.slice(colon + 1), URI)) throw malformed(at, 'a character is not allowed in a URI');
  return undefined;
}

function parseSipUri(scheme: 'sip' | 'sips', text: string, at: string): SipUri {
  const sign = text.indexOf('@');
  if (sign >= 0 && text.indexOf('@', sign + 1) >= 0) throw malformed(at, 'the URI holds two "@"');
  const { user, password } = sign < 0 ? { user: undefined, password: undefined } : userInfo(text.slice(0, sign), at);
  const rest = text.slice(sign + 1);
  const question = rest.indexOf('?');
  const headers = question < 0 ? undefined : rest.slice(question + 1);
  if (headers !== undefined) checkHeaders(headers, at);
  const beforeHeaders = question < 0 ? rest : rest.slice(0, question);
  const semicolon = beforeHeaders.indexOf(';');
  const place = parseHostPort(semicolon < 0 ? beforeHeaders : beforeHeaders.slice(0, semicolon), at);
  const parameters = semicolon < 0 ? NO_PARAMETERS : uriParameters(beforeHeaders.slice(semicolon + 1), at);
  return { scheme, user, password, ...place, parameters, headers };
}

const NO_PARAMETERS: ReadonlyMap<string, string> = new Map();

function userInfo(text: string, at: string): { user: string; password: string | undefined } {
  if (!allOf(text, USER) || !escapesAreWhole(text)) throw malformed(at, 'the user part of the URI is not well-formed');
  const colon = text.indexOf(':');
  if (colon < 0) return { user: text, password: undefined };
  if (colon === 0 || text.indexOf(':', colon + 1) >= 0)
    throw malformed(at, 'the user part of the URI is not well-formed');
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** `hostport` of RFC 3261 §25.1. */
export function parseHostPort(text: string, at: string): { readonly host: string; readonly port: number | undefined } {
  const bracket = text.startsWith('[') ? text.indexOf(']') : -1;
  const colon = text.indexOf(':', Math.max(bracket, 0));
  const host = colon < 0 ? text : text.slice(0, colon);
  checkHost(host, bracket, at);
  if (colon < 0) return { host, port: undefined };
  return { host, port: parsePort(text.slice(colon + 1), at) };
}

function checkHost(host: string, bracket: number, at: string): void {
  const good = bracket < 0 ? allOf(host, HOST) : bracket === host.length - 1 && /^\[[0-9a-fA-F:.]{2,45}\]$/.test(host);
  if (!good || host.length > 255) throw malformed(at, 'the host is not well-formed');
}

export function parsePort(text: string, at: string): number {
  const port = allOf(text, DIGIT) && text.length <= 5 ? Number(text) : -1;
  if (port < 0 || port > 65535) throw malformed(at, 'the port is not a number up to 65535');
  return port;
}

function uriParameters(text: string, at: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const piece of text.split(';', 65)) {
    const equals = piece.indexOf('=');
    const name = (equals < 0 ? piece : piece.slice(0, equals)).toLowerCase();
    const value = equals < 0 ? '' : piece.slice(equals + 1);
    const good = allOf(name, URI_PARAMETER) && (equals < 0 || allOf(value, URI_PARAMETER)) && escapesAreWhole(piece);
    if (!good || parameters.has(name) || parameters.size >= 64)
      throw malformed(at, 'a URI parameter is not well-formed');
    parameters.set(name, value);
  }
  return parameters;
}

function checkHeaders(text: string, at: string): void {
  const pieces = text.split('&', 65);
  if (pieces.length > 64) throw malformed(at, 'the URI has too many headers');
  for (const piece of pieces) {
    const equals = piece.indexOf('=');
    const value = piece.slice(equals + 1);
    const good = equals > 0 && allOf(piece.slice(0, equals), URI_HEADER) && (value === '' || allOf(value, URI_HEADER));
    if (!good || !escapesAreWhole(piece)) throw malformed(at, 'a URI header is not well-formed');
  }
}

/** Resolves percent escapes; bytes that are not UTF-8 stay as they are. */
function unescapeUri(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** `user@host` in the normal form that names an AOR: escapes resolved, host in lower case (RFC 3261 §10.3 step 5). */
export function addressOfRecord(uri: SipUri): string {
  const host = uri.host.toLowerCase();
  return uri.user === undefined ? host : `${unescapeUri(uri.user)}@${host}`;
}

/** A key that is equal for URIs that RFC 3261 §19.1.4 calls equivalent, apart from its non-transitive cases. */
export function comparisonKey(text: string, at: string): string {
  const uri = parseUri(text, at);
  if (uri === undefined) return text;
  const parameters = [...uri.parameters].map(([name, value]) => `;${name}=${unescapeUri(value).toLowerCase()}`).sort();
  const place = `${uri.host.toLowerCase()}:${uri.port ?? ''}`;
  return `${uri.scheme}:${unescapeUri(uri.user ?? '')}:${uri.password ?? ''}@${place}${parameters.join('')}?${uri.headers ?? ''}`;
}

/** An IPv6 address gets its brackets; other hosts stay. */
export function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

export function unbracketed(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host;
}
