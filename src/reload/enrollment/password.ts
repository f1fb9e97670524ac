import { type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import type { Random } from '#platform/random.ts';

/** A salted scrypt hash (RFC 7914), bytes in base64. */
export interface PasswordHash {
  readonly salt: string;
  readonly hash: string;
  readonly cost: number;
}

/** 16 MiB and some 50 ms on a desktop, half a second on a small board, off the event loop. */
const COST = 16_384;
const HASH_LENGTH = 32;
export const MAX_PASSWORD_BYTES = 1024;

export async function hashPassword(password: string, random: Random): Promise<PasswordHash> {
  const salt = Buffer.from(random.bytes(16));
  const hash = await derive(password, salt, COST);
  return { salt: salt.toString('base64'), hash: hash.toString('base64'), cost: COST };
}

/** Compares passwords as the bytes of their UTF-8 form (RFC 6940 §11.3). */
export async function matchesPassword(password: string, stored: PasswordHash): Promise<boolean> {
  const expected = Buffer.from(stored.hash, 'base64');
  const actual = await derive(password, Buffer.from(stored.salt, 'base64'), stored.cost);
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

/** Takes as long as `matchesPassword`, for accounts that don't exist: the time taken tells nobody which do. */
export async function matchesNothing(password: string): Promise<false> {
  await derive(password, Buffer.alloc(16), COST);
  return false;
}

function derive(password: string, salt: Buffer, cost: number): Promise<Buffer> {
  const options: ScryptOptions = { N: cost, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };
  return new Promise((resolve, reject) => {
    scrypt(Buffer.from(password, 'utf8'), salt, HASH_LENGTH, options, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
}
