import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

export type KeyType = 'p-256' | 'rsa-2048';

const generate = promisify(generateKeyPair);

/** Makes a private key off the event loop: RSA takes hundreds of milliseconds. */
export async function generatePrivateKey(type: KeyType): Promise<KeyObject> {
  const { privateKey } =
    type === 'rsa-2048'
      ? await generate('rsa', { modulusLength: 2048 })
      : await generate('ec', { namedCurve: 'P-256' });
  return privateKey;
}

/** The SubjectPublicKeyInfo of a private or public key, in DER. */
export function publicKeyInfoOf(key: KeyObject): Uint8Array {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return publicKey.export({ type: 'spki', format: 'der' });
}

export function privateKeyToPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}
