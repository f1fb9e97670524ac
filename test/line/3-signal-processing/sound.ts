import { encodeMulaw } from '#media/g711.ts';
import { peakOfDbm0 } from '#media/level.ts';

/** A part of a sound: sines at levels in dBm0 each, none for silence, for so many ms. */
export interface Part {
  readonly tones: readonly (readonly [hz: number, dbm0: number])[];
  readonly ms: number;
}

export const pause = (ms: number): Part => ({ tones: [], ms });

/** Parts one behind the other, as linear samples, with edges as sharp as they come. Made here with Math.sin, not with the code under test. */
export function render(parts: readonly Part[]): Float64Array {
  const out = new Float64Array(parts.reduce((sum, { ms }) => sum + Math.round(ms * 8), 0));
  let at = 0;
  for (const { tones, ms } of parts) {
    const end = at + Math.round(ms * 8);
    for (const [hz, dbm0] of tones) {
      const peak = peakOfDbm0(dbm0);
      for (let i = at; i < end; i++) out[i] = (out[i] ?? 0) + peak * Math.sin((2 * Math.PI * hz * i) / 8000 + hz);
    }
    at = end;
  }
  return out;
}

/** Adds white noise of so many dBm0, by seed. */
export function withNoise(sound: Float64Array, dbm0: number, seed: number): Float64Array {
  const random = gaussian(seed);
  // A sine of peak p has the power p²/2.
  const deviation = peakOfDbm0(dbm0) / Math.SQRT2;
  return sound.map((sample) => sample + deviation * random());
}

export function sum(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((sample, i) => sample + (b[i] ?? 0));
}

/** As 16-bit samples, clipped. */
export function linear(sound: Float64Array): Int16Array {
  return Int16Array.from(sound, (sample) => Math.max(-32_768, Math.min(32_767, Math.round(sample))));
}

/** As the line carries it. */
export function mulaw(sound: Float64Array): Uint8Array {
  return encodeMulaw(linear(sound));
}

export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function gaussian(seed: number): () => number {
  const random = seeded(seed);
  return () => Math.sqrt(-2 * Math.log(random() + 1e-12)) * Math.cos(2 * Math.PI * random());
}
