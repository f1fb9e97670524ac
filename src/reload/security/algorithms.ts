import { hash, type KeyObject, sign, verify } from 'node:crypto';
import { concat } from '#platform/bytes.ts';
import { HashAlgorithm } from '#reload/wire/codes.ts';

/** SignatureAlgorithm numbers of TLS 1.2 (RFC 5246 §7.4.1.4.1), which RELOAD uses (RFC 6940 §6.3.4). */
const SIGNATURE = { rsa: 1, ecdsa: 3 } as const;

const HASH_NAMES: ReadonlyMap<number, string> = new Map([
  [HashAlgorithm.sha256, 'sha256'],
  [HashAlgorithm.sha384, 'sha384'],
  [HashAlgorithm.sha512, 'sha512'],
]);

export interface AlgorithmPair {
  readonly hash: number;
  readonly signature: number;
}

/** What to sign with: SHA-256 by RSASSA-PKCS1-v1_5, mandatory to implement, or by ECDSA. */
export function algorithmFor(key: KeyObject): AlgorithmPair {
  return { hash: HashAlgorithm.sha256, signature: key.asymmetricKeyType === 'rsa' ? SIGNATURE.rsa : SIGNATURE.ecdsa };
}

export function signBytes(key: KeyObject, input: Uint8Array): Uint8Array {
  return sign('sha256', input, { key, dsaEncoding: 'der' });
}

/** True when the pair is one we verify and goes with the kind of key: SHA-2, and RSA or ECDSA. */
export function isSupported(pair: AlgorithmPair, key: KeyObject): boolean {
  const wanted = key.asymmetricKeyType === 'rsa' ? SIGNATURE.rsa : SIGNATURE.ecdsa;
  return HASH_NAMES.has(pair.hash) && pair.signature === wanted;
}

export function verifyBytes(pair: AlgorithmPair, key: KeyObject, input: Uint8Array, value: Uint8Array): boolean {
  const name = HASH_NAMES.get(pair.hash);
  if (name === undefined) return false;
  try {
    return verify(name, input, { key, dsaEncoding: 'der' }, value);
  } catch {
    return false;
  }
}

/**
 * Hash of `parts` for SignerIdentity. SHA-1 is taken too: here it only picks one of the certificates at hand, each of which is
 * then checked by itself. Undefined for other numbers, "none" among them.
 */
export function identityHash(algorithm: number, ...parts: readonly Uint8Array[]): Uint8Array | undefined {
  const name = algorithm === HashAlgorithm.sha1 ? 'sha1' : HASH_NAMES.get(algorithm);
  if (name === undefined) return undefined;
  return hash(name, parts.length === 1 && parts[0] !== undefined ? parts[0] : concat(...parts), 'buffer');
}
