import { SeededRandom } from '../simulation/seeded-random.ts';

/** Seeded choices: the same seed gives the same inputs on every machine. */
export class Dice {
  readonly random: SeededRandom;

  constructor(seed: string) {
    this.random = new SeededRandom(seed);
  }

  /** A whole number in 0 .. limit-1; 0 when there is no room. */
  below(limit: number): number {
    return Math.floor(this.random.unit() * limit);
  }

  /** True once in `n` times. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(from: readonly T[]): T {
    const item = from[this.below(from.length)];
    if (item === undefined && from.length === 0) throw new Error('nothing to pick from');
    return item as T;
  }

  bytes(length: number): Uint8Array {
    return this.random.bytes(length);
  }

  /** Mostly small, now and then as large as it may be. */
  size(limit: number): number {
    return this.below(1 + Math.ceil(limit / 2 ** this.below(12)));
  }
}
