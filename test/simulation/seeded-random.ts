import { createHash } from 'node:crypto';
import type { Random } from '#platform/random.ts';

/** A generator that gives the same bytes for the same seed (sfc32). For simulations only. */
export class SeededRandom implements Random {
  readonly #seed: string;
  readonly #state: Uint32Array;

  constructor(seed: string | number) {
    this.#seed = String(seed);
    const digest = createHash('sha256').update(this.#seed).digest();
    this.#state = new Uint32Array([0, 4, 8, 12].map((at) => digest.readUInt32LE(at)));
    for (let i = 0; i < 12; i++) this.#next();
  }

  /** An independent stream: what one part draws does not shift what another part gets. */
  fork(label: string): SeededRandom {
    return new SeededRandom(`${this.#seed}/${label}`);
  }

  bytes(length: number): Uint8Array {
    const out = new Uint8Array(length);
    for (let at = 0; at < length; at += 4) {
      const word = this.#next();
      for (let i = 0; i < 4 && at + i < length; i++) out[at + i] = word >>> (8 * i);
    }
    return out;
  }

  /** A number in [0, 1). */
  unit(): number {
    return this.#next() / 2 ** 32;
  }

  #next(): number {
    const s = this.#state;
    const sum = (s[0]! + s[1]! + s[3]!) >>> 0;
    s[3] = s[3]! + 1;
    s[0] = s[1]! ^ (s[1]! >>> 9);
    s[1] = s[2]! + (s[2]! << 3);
    s[2] = ((s[2]! << 21) | (s[2]! >>> 11)) + sum;
    return sum;
  }
}
