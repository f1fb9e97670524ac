import { createCipheriv, createDecipheriv, createHash, type ScryptOptions, scrypt } from 'node:crypto';
import { concat, equalBytes, utf8 } from '#platform/bytes.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import type { Random } from '#platform/random.ts';

/** Why an archive gives nothing. */
export interface BackupFault {
  readonly code: 'no-backup' | 'unknown-version' | 'damaged' | 'wrong-passphrase' | 'exists' | 'changed-meanwhile';
}

const MAGIC = 'copperring-backup';
const VERSION = 1;
/** 64 MiB and half a second on a desktop: an archive may be attacked for years by whoever finds it. */
const COST = { N: 65_536, r: 8, p: 1 } as const;
const MAX_HEADER = 1024;
const DIGEST_BYTES = 32;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

/**
 * Two lines of text, then AES-256-GCM under a key that scrypt makes of the passphrase (RFC 7914), with the two lines as associated data;
 * at the end the SHA-256 of it all, so that a damaged file and a wrong passphrase are told apart.
 */
export async function sealArchive(content: Uint8Array, passphrase: string, random: Random): Promise<Uint8Array> {
  const [salt, nonce] = [random.bytes(16), random.bytes(12)];
  const parameters = { kdf: 'scrypt', ...COST, salt: base64(salt), cipher: 'aes-256-gcm', nonce: base64(nonce) };
  const header = utf8(`${MAGIC} ${VERSION}\n${JSON.stringify(parameters)}\n`);
  const cipher = createCipheriv('aes-256-gcm', await derive(passphrase, salt), nonce);
  cipher.setAAD(header);
  const body = concat(header, cipher.update(content), cipher.final(), cipher.getAuthTag());
  return concat(body, digestOf(body));
}

/** Rejects with `Failure<BackupFault>`. */
export async function openArchive(archive: Uint8Array, passphrase: string): Promise<Uint8Array> {
  const { header, salt, nonce } = readHeader(archive);
  const body = archive.subarray(0, -DIGEST_BYTES);
  const sealed = body.subarray(header.length);
  if (sealed.length < TAG_BYTES || !equalBytes(archive.subarray(-DIGEST_BYTES), digestOf(body)))
    throw backupFailure('damaged', 'The archive is damaged or cut off. Take another copy of it.');
  const decipher = createDecipheriv('aes-256-gcm', await derive(passphrase, salt), nonce);
  decipher.setAAD(header);
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    return concat(decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final());
  } catch (cause) {
    throw backupFailure('wrong-passphrase', 'The archive does not open with this passphrase.', cause);
  }
}

function readHeader(archive: Uint8Array): { header: Uint8Array; salt: Uint8Array; nonce: Uint8Array } {
  const text = Buffer.from(archive.subarray(0, MAX_HEADER)).toString('latin1');
  const [, version, parameters] = /^copperring-backup (\d{1,6})\n(?:([^\n]*)\n)?/.exec(text) ?? [];
  if (version === undefined)
    throw backupFailure('no-backup', 'This is no archive made by `copperring overlay backup`.');
  if (Number(version) !== VERSION)
    throw backupFailure(
      'unknown-version',
      `The archive has version ${version}; this program reads ${VERSION}. Take a newer one.`,
    );
  try {
    const { kdf, N, r, p, salt, cipher, nonce } = JSON.parse(parameters ?? '');
    const known = kdf === 'scrypt' && N === COST.N && r === COST.r && p === COST.p && cipher === 'aes-256-gcm';
    if (!known || typeof salt !== 'string' || typeof nonce !== 'string') throw new Error('unknown parameters');
    const header = archive.subarray(0, `${MAGIC} ${version}\n${parameters}\n`.length);
    return { header, salt: Buffer.from(salt, 'base64'), nonce: Buffer.from(nonce, 'base64') };
  } catch (cause) {
    throw backupFailure('damaged', `The archive's header is damaged (${messageOf(cause)}). Take another copy.`, cause);
  }
}

function derive(passphrase: string, salt: Uint8Array): Promise<Buffer> {
  const options: ScryptOptions = { ...COST, maxmem: 256 * COST.N * COST.r };
  return new Promise((resolve, reject) => {
    scrypt(Buffer.from(passphrase, 'utf8'), salt, KEY_BYTES, options, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
}

function digestOf(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

export function backupFailure(code: BackupFault['code'], message: string, cause?: unknown): Failure<BackupFault> {
  return new Failure<BackupFault>({ code }, message, cause);
}
