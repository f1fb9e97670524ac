import { describe, expect, it } from 'vitest';
import { encodeMulaw } from '#media/g711.ts';
import { dominantFrequency, dominantFrequencyOfMulaw } from '#media/spectrum.ts';
import { ToneGenerator } from '#media/tones.ts';
import { concat } from '#platform/bytes.ts';

/** A small deterministic generator of white noise, -1 to 1. */
function noise(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

describe('tones', () => {
  it('is phase-continuous whatever the piece size', () => {
    const whole = new ToneGenerator([440, 480]).next(4000);
    const generator = new ToneGenerator([440, 480]);
    const pieces: Uint8Array[] = [];
    for (let left = 4000, size = 1; left > 0; size = (size * 7) % 333 || 1) {
      const count = Math.min(size, left);
      pieces.push(generator.next(count));
      left -= count;
    }
    expect(concat(...pieces)).toEqual(whole);
  });

  it('measures any frequency of the telephone band within 1 % from 50 ms on', () => {
    for (const length of [400, 800, 1600, 8000, 80_000]) {
      for (let frequency = 300; frequency <= 3400; frequency += 173) {
        const measured = dominantFrequencyOfMulaw(new ToneGenerator([frequency]).next(length));
        const error = Math.abs((measured?.frequency ?? 0) - frequency) / frequency;
        expect(error, `${frequency} Hz in ${length} samples measured as ${measured?.frequency}`).toBeLessThan(0.01);
      }
    }
  });

  it('measures through noise, with a purity that tells a tone from noise', () => {
    const random = noise(7);
    const tone = new ToneGenerator([1234]).nextLinear(8000).map((s) => s + random() * 4000);
    const measured = dominantFrequency(tone);
    expect(measured?.frequency).toBeGreaterThan(1222);
    expect(measured?.frequency).toBeLessThan(1246);
    expect(measured?.amplitude).toBeGreaterThan(7000);
    expect(measured?.purity).toBeGreaterThan(0.7);
    const hiss = dominantFrequency(Int16Array.from({ length: 8000 }, () => random() * 8000));
    expect(hiss?.purity).toBeLessThan(0.2);
  });

  it('reads the frequency of a recording at another sample rate', () => {
    const samples = Int16Array.from({ length: 48_000 }, (_, i) => 9000 * Math.sin((2 * Math.PI * 700 * i) / 48_000));
    expect(dominantFrequency(samples, 48_000)?.frequency).toBeCloseTo(700, 0);
  });

  it('finds nothing in silence and in pieces under 50 ms', () => {
    expect(dominantFrequency(new Int16Array(8000))).toBeUndefined();
    expect(dominantFrequencyOfMulaw(encodeMulaw(new Int16Array(100)))).toBeUndefined();
  });
});
