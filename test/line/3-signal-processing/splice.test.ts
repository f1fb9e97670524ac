import { describe, expect, it } from 'vitest';
import { decodeMulaw, encodeMulaw } from '#media/g711.ts';
import { repeatSmoothly, type SoundRing, skipSmoothly } from '#media/splice.ts';

const SIZE = 2048;
const READ = 1000;

/** A voice-like sum of harmonics, in a ring. */
function ringOf(pitch: number): SoundRing {
  const wave = (n: number) =>
    [1, 2, 3].reduce((sum, k) => sum + (6000 / k) * Math.sin((2 * Math.PI * k * pitch * n) / 8000 + k), 0);
  return {
    codes: encodeMulaw(Int16Array.from({ length: SIZE }, (_, n) => wave(n))),
    present: new Uint8Array(SIZE).fill(1),
  };
}

/** The largest step from sample to sample around a place. */
function largestStep(sound: Int16Array): number {
  let most = 0;
  for (let n = 1; n < sound.length; n++) most = Math.max(most, Math.abs(sound[n]! - sound[n - 1]!));
  return most;
}

describe('corrections of the jitter buffer in the middle of a voice', () => {
  describe.each([
    ['cut', skipSmoothly, 1],
    ['repeat', repeatSmoothly, -1],
  ] as const)('%s', (_, splice, direction) => {
    it.each([65, 93, 137, 180, 240])('whole periods of %i Hz, without a click', (pitch) => {
      const ring = ringOf(pitch);
      const original = decodeMulaw(ring.codes);
      const jump = splice(ring, READ);
      const period = 8000 / pitch;
      const off = Math.abs(jump / period - Math.round(jump / period)) * period;
      expect(jump).toBeGreaterThanOrEqual(80);
      expect(jump).toBeLessThan(160);
      expect(off).toBeLessThan(1.5);
      const after = decodeMulaw(ring.codes).subarray(READ + direction * jump, READ + direction * jump + 200);
      const played = Int16Array.from([...original.subarray(READ - 100, READ), ...after]);
      expect(largestStep(played)).toBeLessThan(1.1 * largestStep(original));
    });
  });

  it('are put off while too little has arrived', () => {
    const ring = ringOf(100);
    ring.present.fill(0, READ + 60);
    expect(skipSmoothly(ring, READ)).toBe(0);
    expect(repeatSmoothly(ring, READ)).toBe(0);
  });
});
