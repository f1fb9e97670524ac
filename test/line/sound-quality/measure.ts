import { Fft } from '#media/echo-canceller/fft.ts';
import { decodeMulaw } from '#media/g711.ts';
import type { Timed } from './virtual-call.ts';

const SIZE = 32_768;

export interface Lag {
  /** Samples by which the second sound lags behind the first. */
  readonly samples: number;
  /** The correlation there, 0 to 1. */
  readonly likeness: number;
}

/** Cross-correlation over a piece of about two seconds; lags up to as much. */
function lagOf(sent: Float64Array, heard: Float64Array): Lag {
  const fft = new Fft(SIZE);
  const re = new Float64Array(SIZE);
  const im = new Float64Array(SIZE);
  const length = SIZE / 2;
  re.set(sent.subarray(0, length));
  im.set(heard.subarray(0, SIZE));
  const power = (sound: Float64Array) => sound.reduce((sum, sample) => sum + sample * sample, 0);
  fft.forward(re, im);
  const crossRe = new Float64Array(SIZE);
  const crossIm = new Float64Array(SIZE);
  for (let k = 0; k < SIZE; k++) {
    const mirror = (SIZE - k) % SIZE;
    const xr = (re[k]! + re[mirror]!) / 2;
    const xi = (im[k]! - im[mirror]!) / 2;
    const yr = (im[k]! + im[mirror]!) / 2;
    const yi = (re[mirror]! - re[k]!) / 2;
    crossRe[k] = yr * xr + yi * xi;
    crossIm[k] = yi * xr - yr * xi;
  }
  fft.inverse(crossRe, crossIm);
  let best = 0;
  for (let lag = 0; lag < length; lag++) if (crossRe[lag]! > crossRe[best]!) best = lag;
  const whole = Math.sqrt(power(sent.subarray(0, length)) * power(heard.subarray(best, best + length)));
  return { samples: best, likeness: crossRe[best]! / whole };
}

/** How much later a sound was heard than it was sent, ms: compared from `fromMs` after the beginning of what was sent. */
export function delayBetween(sent: Timed, heard: Timed, fromMs: number): Lag & { readonly ms: number } {
  const from = sent.start + fromMs;
  const piece = ({ start, sound }: Timed) =>
    Float64Array.from(decodeMulaw(sound.subarray(Math.round((from - start) * 8))));
  const lag = lagOf(piece(sent), piece(heard));
  // Rounding to whole samples may have moved both by a part of one.
  return { ...lag, ms: lag.samples / 8 };
}
