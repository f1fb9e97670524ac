import { Fft } from '#media/echo-canceller/fft.ts';
import { BINS, BLOCK, FRAME, PARTITIONS } from '#media/echo-canceller/frame.ts';
import { Leakage } from '#media/echo-canceller/leakage.ts';

export interface FilterOutput {
  readonly echo: Float64Array;
  readonly rest: Float64Array;
  readonly heard: Float64Array;
}

export interface Steps {
  /** For each bin the step, divided by the power of the reference. */
  readonly step: Float64Array;
  /** The spectrum of what is left. */
  readonly restRe: Float64Array;
  readonly restIm: Float64Array;
}

/** Mean power of the reference below which nothing is learnt: about -50 dBm0 of 16-bit samples. */
const MIN_POWER = 72 ** 2;
/** Added to the power of each bin: the noise of mu-law at low levels, and that share of all bins' mean, as its noise follows the loudest. */
const FLOOR = PARTITIONS * FRAME * 4 ** 2;
const SHARED = 0.1;
const FASTEST = 0.5;
/** The step until the filter has seen enough: so much learning makes it a usable estimate. */
const FIRST_STEP = 0.6;
const ENOUGH = 8 * PARTITIONS;
/** Geigel: the loudest sample heard may reach this share of the loudest one played (D. L. Duttweiler, IEEE Trans. Comm. 26, 1978); else both talk, and for 64 ms more. */
const GEIGEL = 1;
const GEIGEL_HOLD = 8;
/** When so much of the echo leaks for so long (0.1 s), the echo path is another one: the filter learns as in the beginning. */
const LOST_LEAK = 0.5;
const LOST_BLOCKS = 12;
/**
 * A tone tells of the echo path at its own frequency only, and would spoil the rest: the mean spectrum of half a second must be
 * spread over so many bins.
 */
const NARROW = 3;
const SPREAD_RATE = 0.016;

/**
 * How fast the filter may learn, bin by bin: by the share of what is left that can be echo. With speech from the near end that
 * falls to nothing by itself, and Geigel's comparison freezes the filter when the near end is the louder one.
 */
export class LearningRate {
  readonly #fft = new Fft(FRAME);
  readonly #re = new Float64Array(FRAME);
  readonly #im = new Float64Array(FRAME);
  readonly #steps = { step: new Float64Array(BINS), restRe: new Float64Array(BINS), restIm: new Float64Array(BINS) };
  /** Powers of the reference's bins in the frames that the filter spans, and their sum. */
  readonly #powers = new Float64Array(PARTITIONS * BINS);
  readonly #power = new Float64Array(BINS);
  #meanPower = 0;
  readonly #echoPower = new Float64Array(BINS);
  readonly #restPower = new Float64Array(BINS);
  readonly #leakage = new Leakage();
  readonly #peaks = new Float64Array(PARTITIONS + 1);
  #block = 0;
  #hold = 0;
  readonly #longPower = new Float64Array(BINS);
  #spread = 0;
  #learnt = 0;
  #lost = 0;

  restart(): void {
    this.#learnt = 0;
    this.#leakage.restart();
  }

  /** Both ends talk, by Geigel's comparison. */
  get doubleTalk(): boolean {
    return this.#hold > 0;
  }

  /** `reference` is the newest frame played, xRe and xIm its spectrum. undefined: nothing is to be learnt from this block. */
  update(output: FilterOutput, reference: Float64Array, xRe: Float64Array, xIm: Float64Array): Steps | undefined {
    const power = this.#referencePower(xRe, xIm);
    this.#geigel(reference, output.heard);
    if (power < MIN_POWER) return undefined;
    this.#spectra(output);
    this.#leakage.update(this.#echoPower, this.#restPower);
    const known = this.#learnt >= ENOUGH;
    if (this.#hold > 0 || (known && this.#spread < NARROW)) return undefined;
    const leak = this.#leakage.share;
    const whole = this.#shareOfAll(leak);
    this.#lost = leak > LOST_LEAK ? this.#lost + 1 : 0;
    if (this.#lost === LOST_BLOCKS) this.#learnt = 0;
    const { step } = this.#steps;
    let sum = 0;
    for (let k = 0; k < BINS; k++) {
      const rest = (this.#restPower[k] ?? 0) + 1;
      const own = Math.min(1, (leak * (this.#echoPower[k] ?? 0)) / rest);
      const rate = known ? Math.min(FASTEST, 0.7 * own + 0.3 * whole) : FIRST_STEP;
      sum += rate;
      step[k] = (2 * rate) / ((this.#power[k] ?? 0) + SHARED * this.#meanPower + FLOOR);
    }
    if (!known) this.#learnt += sum / BINS;
    return this.#steps;
  }

  #referencePower(xRe: Float64Array, xIm: Float64Array): number {
    let sum = 0;
    let longSum = 1;
    let longSquares = 1;
    this.#meanPower = 0;
    this.#powers.copyWithin(BINS, 0, (PARTITIONS - 1) * BINS);
    for (let k = 0; k < BINS; k++) {
      const power = (xRe[k] ?? 0) ** 2 + (xIm[k] ?? 0) ** 2;
      sum += power;
      const long = (this.#longPower[k] ?? 0) + SPREAD_RATE * (power - (this.#longPower[k] ?? 0));
      this.#longPower[k] = long;
      longSum += long;
      longSquares += long * long;
      this.#powers[k] = power;
      let all = 0;
      for (let at = k; at < PARTITIONS * BINS; at += BINS) all += this.#powers[at] ?? 0;
      this.#power[k] = all;
      this.#meanPower += all / BINS;
    }
    this.#spread = (longSum * longSum) / longSquares;
    return (2 * sum) / (FRAME * FRAME);
  }

  #geigel(reference: Float64Array, heard: Float64Array): void {
    this.#block = (this.#block + 1) % this.#peaks.length;
    this.#peaks[this.#block] = peak(reference.subarray(BLOCK));
    if (peak(heard) > GEIGEL * peak(this.#peaks)) this.#hold = GEIGEL_HOLD;
    else if (this.#hold > 0) this.#hold--;
  }

  #spectra({ rest, echo }: FilterOutput): void {
    const re = this.#re.fill(0, 0, BLOCK);
    const im = this.#im.fill(0, 0, BLOCK);
    re.set(rest, BLOCK);
    im.set(echo, BLOCK);
    this.#fft.forward(re, im);
    const { restRe, restIm } = this.#steps;
    for (let k = 0; k < BINS; k++) {
      const mirror = (FRAME - k) % FRAME;
      const er = ((re[k] ?? 0) + (re[mirror] ?? 0)) / 2;
      const ei = ((im[k] ?? 0) - (im[mirror] ?? 0)) / 2;
      const yr = ((im[k] ?? 0) + (im[mirror] ?? 0)) / 2;
      const yi = ((re[mirror] ?? 0) - (re[k] ?? 0)) / 2;
      restRe[k] = er;
      restIm[k] = ei;
      this.#restPower[k] = er * er + ei * ei;
      this.#echoPower[k] = yr * yr + yi * yi;
    }
  }

  #shareOfAll(leak: number): number {
    let echo = 0;
    let rest = 1;
    for (let k = 0; k < BINS; k++) {
      echo += this.#echoPower[k] ?? 0;
      rest += this.#restPower[k] ?? 0;
    }
    return Math.min(0.5, (3 * leak * echo) / rest);
  }
}

function peak(samples: Float64Array): number {
  let highest = 0;
  for (let i = 0; i < samples.length; i++) highest = Math.max(highest, Math.abs(samples[i] ?? 0));
  return highest;
}
