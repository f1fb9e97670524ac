import { createHash } from 'node:crypto';
import { Cursor, unquote } from '#sip/message/cursor.ts';
import { malformed } from '#sip/message/fault.ts';

/** Digest algorithms of RFC 8760 that are spoken here. */
export type DigestAlgorithm = 'SHA-256' | 'MD5';

/** A challenge or credentials: the scheme and its parameters by lower-case name, quotes taken off. */
export interface Authentication {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const MAX_PARAMETERS = 32;

/** RFC 3261 §25.1 challenge and credentials; a scheme other than Digest gives no parameters. */
export function parseAuthentication(text: string, field: string): Authentication {
  const cursor = new Cursor(text, field);
  cursor.skipSpace();
  const scheme = cursor.token('the scheme').toLowerCase();
  const parameters = new Map<string, string>();
  if (scheme !== 'digest') return { scheme, parameters };
  cursor.skipSpace();
  do {
    const name = cursor.token('a parameter name').toLowerCase();
    cursor.expect('=');
    const value = cursor.isQuote() ? unquote(cursor.quoted()) : cursor.token('a parameter value');
    if (parameters.has(name) || parameters.size >= MAX_PARAMETERS)
      throw malformed(field, 'its parameters are too many or doubled');
    parameters.set(name, value);
  } while (cursor.take(','));
  cursor.end();
  return { scheme, parameters };
}

/** The algorithm that a parameter names; MD5 when it is left out (RFC 8760 §2.1), undefined when unknown here. */
export function algorithmOf(name: string | undefined): DigestAlgorithm | undefined {
  const upper = (name ?? 'MD5').toUpperCase();
  return upper === 'SHA-256' || upper === 'MD5' ? upper : undefined;
}

function digestHash(algorithm: DigestAlgorithm, text: string): string {
  return createHash(algorithm === 'MD5' ? 'md5' : 'sha256')
    .update(text, 'latin1')
    .digest('hex');
}

/** H(A1): what a server may keep instead of a password. Texts in UTF-8 (RFC 7616 §4). */
export function digestSecret(algorithm: DigestAlgorithm, user: string, realm: string, password: string): string {
  return digestHash(algorithm, Buffer.from(`${user}:${realm}:${password}`, 'utf8').toString('latin1'));
}

export interface DigestInput {
  readonly algorithm: DigestAlgorithm;
  /** H(A1). */
  readonly secret: string;
  readonly method: string;
  readonly uri: string;
  readonly nonce: string;
  /** Undefined for a challenge without qop, as RFC 2069 had it. */
  readonly quality: { readonly count: string; readonly clientNonce: string } | undefined;
}

/** request-digest with qop=auth (RFC 7616 §3.4.1). */
export function digestResponse(input: DigestInput): string {
  const a2 = digestHash(input.algorithm, `${input.method}:${input.uri}`);
  const { quality, secret, nonce } = input;
  const middle = quality === undefined ? nonce : `${nonce}:${quality.count}:${quality.clientNonce}:auth`;
  return digestHash(input.algorithm, `${secret}:${middle}:${a2}`);
}
