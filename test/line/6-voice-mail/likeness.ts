import { decodeMulaw } from '#media/g711.ts';

/** Samples of the pattern that are compared at every place: enough to tell speech from other speech. */
const STEP = 2;

/** The best normalised cross-correlation of a piece of sound with any place in another, 0 to 1. Both mu-law. */
export function likeness(piece: Uint8Array, whole: Uint8Array): number {
  const [a, b] = [decodeMulaw(piece), decodeMulaw(whole)];
  let energy = 0;
  for (let i = 0; i < a.length; i += STEP) energy += (a[i] ?? 0) ** 2;
  let best = 0;
  for (let at = 0; at + a.length <= b.length; at++) {
    let sum = 0;
    let other = 0;
    for (let i = 0; i < a.length; i += STEP) {
      const [x = 0, y = 0] = [a[i], b[at + i]];
      sum += x * y;
      other += y * y;
    }
    if (other > 0) best = Math.max(best, sum / Math.sqrt(energy * other));
  }
  return best;
}
