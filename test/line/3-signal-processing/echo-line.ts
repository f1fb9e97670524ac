import { EchoCanceller } from '#media/echo-canceller/echo-canceller.ts';
import { carried, noise } from '../../support/line-speech.ts';

export interface EchoLine {
  /** What the phone says, in linear samples. */
  readonly played: Float64Array;
  /** The impulse response of the echo path at each sample. */
  readonly path: (n: number) => Float64Array;
  /** Samples between playing and hearing. */
  readonly delay: (n: number) => number;
  /** What the far end says. */
  readonly near?: Float64Array;
  readonly noiseDbm0?: number;
}

export interface EchoSound {
  /** As the line carries it to and from the gateway. */
  readonly played: Float64Array;
  readonly heard: Float64Array;
  /** The echo in it. */
  readonly echo: Float64Array;
}

/** A quiet line. */
const NOISE_DBM0 = -66;
const PIECE = 80;

/** What a line with an echo brings: everything passes mu-law on the way. */
export function echoLine({ played, path, delay, near, noiseDbm0 = NOISE_DBM0 }: EchoLine): EchoSound {
  const coded = played.map(carried);
  const background = noise(Math.ceil(played.length / 8000), noiseDbm0, 7);
  const echo = new Float64Array(played.length);
  for (let n = 0; n < played.length; n++) {
    const taps = path(n);
    const from = n - delay(n);
    let sum = 0;
    for (let tap = 0; tap < taps.length && from - tap >= 0; tap++) sum += taps[tap]! * coded[from - tap]!;
    echo[n] = sum;
  }
  const heard = echo.map((sample, n) => carried(sample + (near?.[n] ?? 0) + background[n]!));
  return { played: coded, heard, echo };
}

export interface Cleaned {
  /** Aligned with what was heard. */
  readonly left: Float64Array;
  /** The delay that was found, ms, each 0.1 s. */
  readonly delays: (number | undefined)[];
  readonly canceller: EchoCanceller;
}

/** What the canceller makes of it, with the linear part alone or with everything on. */
export function cleaned({ played, heard }: EchoSound, suppress: boolean): Cleaned {
  const canceller = new EchoCanceller({ suppress });
  const out = heard.slice();
  const delays: (number | undefined)[] = [];
  for (let at = 0; at + PIECE <= out.length; at += PIECE) {
    canceller.cancel(out.subarray(at, at + PIECE));
    canceller.played(played.subarray(at, at + PIECE));
    if (at % 800 === 0) delays.push(canceller.statistics.delayMs);
  }
  // One block of framing, one more for the overlapping windows.
  const late = suppress ? 128 : 64;
  const left = new Float64Array(out.length);
  left.set(out.subarray(late));
  return { left, delays, canceller };
}

/** By how many dB one sound is fainter than another between two times in seconds. */
export function lossDb(before: Float64Array, after: Float64Array, [from, to]: readonly [number, number]): number {
  let a = 0;
  let b = 1;
  for (let n = from * 8000; n < to * 8000; n++) {
    a += before[n]! ** 2;
    b += after[n]! ** 2;
  }
  return 10 * Math.log10(a / b);
}
