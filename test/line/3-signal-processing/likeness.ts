import { Fft } from '#media/echo-canceller/fft.ts';

const WINDOW = 256;
const fft = new Fft(WINDOW);
/** 200 to 3400 Hz. */
const FIRST = 6;
const LAST = 109;

interface Where {
  /** Where the pieces that are compared begin, in samples. */
  readonly places: readonly number[];
  /** Pieces whose original is fainter than this mean power are left out. */
  readonly audible: number;
}

/** Mean over pieces of the ratio of the original's power to that of the difference, within -10 and 35 dB. */
export function segmentalSnr(
  original: Float64Array,
  made: Float64Array,
  where: Where & { readonly length: number },
): number {
  const ratios: number[] = [];
  for (const place of where.places) {
    let power = 0;
    let error = 1e-9;
    for (let i = place; i < Math.min(place + where.length, original.length); i++) {
      power += (original[i] ?? 0) ** 2;
      error += ((original[i] ?? 0) - (made[i] ?? 0)) ** 2;
    }
    if (power / where.length > where.audible) ratios.push(Math.min(35, Math.max(-10, 10 * Math.log10(power / error))));
  }
  return mean(ratios);
}

/** Mean over pieces of the root mean square difference of the power spectra in dB, 200 to 3400 Hz, in windows of 32 ms. */
export function logSpectralDistance(original: Float64Array, made: Float64Array, { places, audible }: Where): number {
  const distances: number[] = [];
  for (const place of places) {
    const from = place - 48;
    if (from < 0 || from + WINDOW > original.length) continue;
    const piece = original.subarray(from, from + WINDOW);
    if (piece.reduce((sum, sample) => sum + sample * sample, 0) / WINDOW < audible) continue;
    const a = spectrumOf(piece);
    const b = spectrumOf(made.subarray(from, from + WINDOW));
    distances.push(Math.sqrt(mean(a.map((level, bin) => (level - (b[bin] ?? 0)) ** 2))));
  }
  return mean(distances);
}

/** Levels in dB; silence counts as a noise of one step of mu-law. */
function spectrumOf(piece: Float64Array): number[] {
  const re = piece.map((sample, i) => sample * (0.5 - 0.5 * Math.cos((2 * Math.PI * i) / WINDOW)));
  const im = new Float64Array(WINDOW);
  fft.forward(re, im);
  return Array.from(re.subarray(FIRST, LAST), (r, i) => 10 * Math.log10(r * r + (im[FIRST + i] ?? 0) ** 2 + 1e5));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
