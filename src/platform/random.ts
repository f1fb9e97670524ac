import { randomFillSync } from 'node:crypto';

/** Randomness as a port: the system's generator in a process, a seeded one under the simulator. */
export interface Random {
  bytes(length: number): Uint8Array;
}

export const systemRandom: Random = {
  bytes: (length) => randomFillSync(new Uint8Array(length)),
};

/** A whole number in 0 .. limit-1, for limits up to 2^32. */
export function randomBelow(random: Random, limit: number): number {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = random.bytes(6);
  const value = a * 2 ** 40 + b * 2 ** 32 + c * 2 ** 24 + (d << 16) + (e << 8) + f;
  return Math.floor((value / 2 ** 48) * limit);
}

/** A random unsigned 64-bit number, as transaction ids need it (RFC 6940 §6.3.2). */
export function randomU64(random: Random): bigint {
  // Not through a DataView: to open the buffer of a small array costs more than all the rest.
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = random.bytes(8);
  const high = a * 0x1000000 + (b << 16) + (c << 8) + d;
  const low = e * 0x1000000 + (f << 16) + (g << 8) + h;
  return (BigInt(high) << 32n) | BigInt(low);
}
