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
  const b = random.bytes(6);
  const value = new DataView(b.buffer, b.byteOffset).getUint32(0) * 0x10000 + (((b[4] ?? 0) << 8) | (b[5] ?? 0));
  return Math.floor((value / 2 ** 48) * limit);
}

/** A random unsigned 64-bit number, as transaction ids need it (RFC 6940 §6.3.2). */
export function randomU64(random: Random): bigint {
  const b = random.bytes(8);
  return new DataView(b.buffer, b.byteOffset).getBigUint64(0);
}
