import { decodeMulaw } from '#media/g711.ts';
import { SAMPLE_RATE } from '#media/tones.ts';

export interface Measurement {
  /** Hz. */
  readonly frequency: number;
  /** Peak amplitude of that sine, of 32767. */
  readonly amplitude: number;
  /** Share of the whole energy that lies in this sine, 0 to 1: near 1 for a clean tone. */
  readonly purity: number;
}

/** Longest piece looked at: 0.5 s gives 2 Hz between bins, which interpolation refines tenfold. */
const MAX_WINDOW = 4096;
const MIN_WINDOW = 400;
const LOWEST = 100;
/** The first look takes this much of the piece, 128 ms, to keep the event loop free. */
const COARSE_WINDOW = 1024;

/**
 * Power of one frequency in linear samples by Goertzel's recurrence: the squared peak amplitude of that sine.
 */
export function goertzelPower(samples: Int16Array | Float64Array, frequency: number, sampleRate = SAMPLE_RATE): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * frequency) / sampleRate);
  let s1 = 0;
  let s2 = 0;
  for (let i = 0; i < samples.length; i++) {
    const s0 = (samples[i] ?? 0) + coefficient * s1 - s2;
    s2 = s1;
    s1 = s0;
  }
  const power = s1 * s1 + s2 * s2 - coefficient * s1 * s2;
  return (4 * power) / (samples.length * samples.length);
}

/**
 * The strongest frequency between 100 Hz and 45 % of the sample rate, within 1 % for a tone that lasts 50 ms or more
 * and stands out of the rest. undefined for silence and for pieces shorter than that. Looks at the middle of long pieces.
 */
export function dominantFrequency(samples: Int16Array, sampleRate = SAMPLE_RATE): Measurement | undefined {
  const length = Math.min(samples.length, Math.round((MAX_WINDOW * sampleRate) / SAMPLE_RATE));
  if (length < (MIN_WINDOW * sampleRate) / SAMPLE_RATE) return undefined;
  const start = (samples.length - length) >> 1;
  const { windowed, energy } = applyHann(samples.subarray(start, start + length));
  if (energy < 100) return undefined;
  const coarseLength = Math.min(length, Math.round((COARSE_WINDOW * sampleRate) / SAMPLE_RATE));
  const middle = (samples.length - coarseLength) >> 1;
  const coarse = applyHann(samples.subarray(middle, middle + coarseLength)).windowed;
  const wide = sampleRate / coarseLength;
  const narrow = sampleRate / length;
  const near = strongestIn(coarse, { from: LOWEST, to: 0.45 * sampleRate, step: wide }, sampleRate);
  const best = strongestIn(windowed, { from: near - 2 * wide, to: near + 2 * wide, step: narrow }, sampleRate);
  const frequency = refine(windowed, best, narrow / 2, sampleRate);
  // A Hann window halves the amplitude of a sine.
  const amplitude = 2 * Math.sqrt(goertzelPower(windowed, frequency, sampleRate));
  return { frequency, amplitude, purity: Math.min(1, (amplitude * amplitude) / 2 / energy) };
}

/** The same for mu-law samples at 8000 a second. */
export function dominantFrequencyOfMulaw(codes: Uint8Array): Measurement | undefined {
  const start = Math.max(0, (codes.length - MAX_WINDOW) >> 1);
  return dominantFrequency(decodeMulaw(codes.subarray(start, start + MAX_WINDOW)));
}

function strongestIn(
  windowed: Float64Array,
  band: { readonly from: number; readonly to: number; readonly step: number },
  sampleRate: number,
): number {
  let best = band.from;
  let bestPower = 0;
  for (let f = band.from; f < band.to; f += band.step) {
    const power = goertzelPower(windowed, f, sampleRate);
    if (power > bestPower) {
      best = f;
      bestPower = power;
    }
  }
  return best;
}

/** Hann-weighted samples without their mean, and their mean square before weighting. */
function applyHann(samples: Int16Array): { readonly windowed: Float64Array; readonly energy: number } {
  let mean = 0;
  for (const sample of samples) mean += sample;
  mean /= samples.length;
  const windowed = new Float64Array(samples.length);
  let energy = 0;
  for (let i = 0; i < samples.length; i++) {
    const centred = (samples[i] ?? 0) - mean;
    energy += centred * centred;
    windowed[i] = centred * (0.5 - 0.5 * Math.cos((2 * Math.PI * i) / samples.length));
  }
  return { windowed, energy: energy / samples.length };
}

/** Climbs to the top of the lobe around `around` by narrowing a three-point search. */
function refine(windowed: Float64Array, around: number, step: number, sampleRate: number): number {
  let low = around - 2 * step;
  let high = around + 2 * step;
  while (high - low > 0.05) {
    const third = (high - low) / 3;
    const left = goertzelPower(windowed, low + third, sampleRate);
    const right = goertzelPower(windowed, high - third, sampleRate);
    if (left < right) low += third;
    else high -= third;
  }
  return (low + high) / 2;
}
