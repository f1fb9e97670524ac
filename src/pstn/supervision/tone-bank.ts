import { linearOf } from '#media/g711.ts';
import { SAMPLE_RATE } from '#media/tones.ts';

/** Sound is looked at in steps of 5 ms. */
export const STEP_MS = 5;
export const STEP = (SAMPLE_RATE * STEP_MS) / 1000;
/** 60 ms tell 440 from 480 Hz, and the edges of a burst are still found to a few ms. */
const LONG = 12;
/** 30 ms: coarse in frequency, for tones with wide limits. */
const SHORT = 6;
const TURN = 2 * Math.PI;
/** Silence needs no sums. */
const nothing = new Float64Array(0);

/** A part of the spectrum that a tone may be in. */
export interface Band {
  /** Hz, the outermost frequencies of the tone as the row has it. */
  readonly from: number;
  readonly to: number;
  readonly window: 'long' | 'short';
}

interface Bin {
  readonly frequency: number;
  /** cos and sin over one step. */
  readonly cos: Float64Array;
  readonly sin: Float64Array;
  /** Weight and turn of each step of the window, oldest first. */
  readonly re: Float64Array;
  readonly im: Float64Array;
  /** The sums of the last `LONG` steps: a ring, kept twice so that any `LONG` of them lie in a row. */
  readonly sumsRe: Float64Array;
  readonly sumsIm: Float64Array;
}

/**
 * How much of the sound's power lies in each of a few bands: short-time Fourier sums with a Hann window of 60 or 30 ms, moved on every 5 ms.
 * A band is wide enough that all of the power of a tone in it counts, wherever in the band it is. Nothing is allocated once it is made.
 */
export class ToneBank {
  /** Of each band: power (mean square of its sound), and its middle frequency in Hz. */
  readonly power: Float64Array;
  readonly frequency: Float64Array;
  /** Mean square of all sound in the long and the short window. */
  long = 0;
  short = 0;
  /** Mean square of the newest step. */
  step = 0;
  readonly #bands: readonly { readonly steps: number; readonly bins: readonly Bin[] }[];
  readonly #samples = new Float64Array(STEP);
  readonly #energies = new Float64Array(2 * LONG);
  readonly #longWeights = squares(hann(LONG));
  readonly #shortWeights = squares(hann(SHORT));
  readonly #least: number;
  #filled = 0;
  #at = 0;

  /** Sound of less than `least`, a mean square, is taken to have no power in any band. */
  constructor(bands: readonly Band[], least: number) {
    this.#least = least;
    this.#bands = bands.map((band) => {
      const steps = band.window === 'long' ? LONG : SHORT;
      return { steps, bins: binsOf(band, steps) };
    });
    this.power = new Float64Array(bands.length);
    this.frequency = new Float64Array(bands.length);
  }

  /** One sample of mu-law. True at the end of each step, when the figures are new. */
  push(code: number): boolean {
    this.#samples[this.#filled++] = linearOf(code);
    if (this.#filled < STEP) return false;
    this.#filled = 0;
    this.#endStep();
    return true;
  }

  #endStep(): void {
    const samples = this.#samples;
    let energy = 0;
    for (let i = 0; i < STEP; i++) energy += (samples[i] ?? 0) ** 2;
    this.step = energy / STEP;
    this.#energies[this.#at] = this.step;
    this.#energies[this.#at + LONG] = this.step;
    const isSilent = this.step < this.#least;
    for (const { bins } of this.#bands) for (const bin of bins) sum(bin, isSilent ? nothing : samples, this.#at);
    this.#at = (this.#at + 1) % LONG;
    this.long = this.#weighted(this.#longWeights);
    this.short = this.#weighted(this.#shortWeights);
    if (this.long < this.#least) {
      this.power.fill(0);
      return;
    }
    for (let i = 0; i < this.#bands.length; i++) this.#measure(i);
  }

  #weighted(weights: Float64Array): number {
    let sum = 0;
    let all = 0;
    for (let i = 0; i < weights.length; i++) {
      const weight = weights[i] ?? 0;
      sum += weight * (this.#energies[this.#at + LONG - weights.length + i] ?? 0);
      all += weight;
    }
    return sum / all;
  }

  #measure(index: number): void {
    const band = this.#bands[index];
    if (band === undefined) return;
    let all = 0;
    let moment = 0;
    for (const bin of band.bins) {
      const power = powerOf(bin, band.steps, this.#at);
      all += power;
      moment += power * bin.frequency;
    }
    this.power[index] = all;
    this.frequency[index] = all > 0 ? moment / all : 0;
  }
}

function sum(bin: Bin, samples: Float64Array, at: number): void {
  let re = 0;
  let im = 0;
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i] ?? 0;
    re += sample * (bin.cos[i] ?? 0);
    im += sample * (bin.sin[i] ?? 0);
  }
  bin.sumsRe[at] = re;
  bin.sumsIm[at] = im;
  bin.sumsRe[at + LONG] = re;
  bin.sumsIm[at + LONG] = im;
}

/** Scaled so that the powers of neighbouring bins add up to the mean square of a sine among them. */
function powerOf(bin: Bin, steps: number, at: number): number {
  let re = 0;
  let im = 0;
  const first = at + LONG - steps;
  for (let i = 0; i < steps; i++) {
    const a = bin.sumsRe[first + i] ?? 0;
    const b = bin.sumsIm[first + i] ?? 0;
    const c = bin.re[i] ?? 0;
    const d = bin.im[i] ?? 0;
    re += a * c - b * d;
    im += a * d + b * c;
  }
  return re * re + im * im;
}

/** Bins as far apart as the window resolves, one beyond the band on either side: together they hold all power of a sine in the band. */
function binsOf({ from, to }: Band, steps: number): readonly Bin[] {
  const apart = 1000 / (steps * STEP_MS);
  const inner = Math.max(1, Math.ceil((to - from) / apart) + 1);
  const first = (from + to) / 2 - ((inner - 1) / 2) * apart;
  return Array.from({ length: inner + 2 }, (_, i) => binOf(first + (i - 1) * apart, steps));
}

function binOf(frequency: number, steps: number): Bin {
  const turn = (TURN * frequency) / SAMPLE_RATE;
  const weights = hann(steps);
  // A sine of mean square 1 gives the squared sum (samples x mean weight)² / 2 in its bin, and 1.5 times that in all (the noise bandwidth of the Hann window).
  const scale = Math.sqrt(2 / 1.5) / (STEP * weights.reduce((all, weight) => all + weight, 0));
  return {
    frequency,
    cos: Float64Array.from({ length: STEP }, (_, i) => Math.cos(turn * i)),
    sin: Float64Array.from({ length: STEP }, (_, i) => -Math.sin(turn * i)),
    re: weights.map((weight, i) => scale * weight * Math.cos(turn * STEP * i)),
    im: weights.map((weight, i) => -scale * weight * Math.sin(turn * STEP * i)),
    sumsRe: new Float64Array(2 * LONG),
    sumsIm: new Float64Array(2 * LONG),
  };
}

function hann(steps: number): Float64Array {
  return Float64Array.from({ length: steps }, (_, i) => 0.5 - 0.5 * Math.cos((TURN * (i + 0.5)) / steps));
}

function squares(values: Float64Array): Float64Array {
  return values.map((value) => value * value);
}
