import { ComfortNoise } from '#media/comfort-noise.ts';
import type { Cancelled } from '#media/echo-canceller/adaptive-filter.ts';
import { Fft } from '#media/echo-canceller/fft.ts';
import { BINS, BLOCK, FRAME } from '#media/echo-canceller/frame.ts';
import { Leakage } from '#media/echo-canceller/leakage.ts';

/** How much more echo than estimated is taken away: the estimate fluctuates. */
const OVER = 4;
/** The echo's tail behind the filter fades by so much each block. */
const TAIL = 0.6;
/** A gain may open by so much each block, so that single bins do not chirp. */
const OPENING = 0.5;
/** Bins of a band whose powers are judged together, on either side. */
const SPREAD = 2;

/**
 * Takes what is left of the echo away (the non-linear processor of ITU-T G.168 §6): in each band the share that the leakage
 * explains, and puts the line's own noise into its place. Gives its sound one block later, by overlapped windows.
 */
export class ResidualSuppressor {
  readonly #fft = new Fft(FRAME);
  readonly #window = Float64Array.from({ length: FRAME }, (_, i) => Math.sin((Math.PI * (i + 0.5)) / FRAME));
  readonly #rest = new Float64Array(FRAME);
  readonly #echo = new Float64Array(FRAME);
  readonly #re = new Float64Array(FRAME);
  readonly #im = new Float64Array(FRAME);
  readonly #outRe = new Float64Array(FRAME);
  readonly #outIm = new Float64Array(FRAME);
  readonly #restPower = new Float64Array(BINS);
  readonly #echoPower = new Float64Array(BINS);
  readonly #residual = new Float64Array(BINS);
  readonly #gain = new Float64Array(BINS).fill(1);
  readonly #overlap = new Float64Array(BLOCK);
  readonly #leakage = new Leakage();
  readonly #noise = new ComfortNoise();

  /** BLOCK samples of output, good until the next call. */
  process({ rest, echo }: Cancelled, out: Float64Array): void {
    slide(this.#rest, rest);
    slide(this.#echo, echo);
    this.#analyse();
    this.#leakage.update(this.#echoPower, this.#restPower);
    this.#judge();
    this.#synthesise(out);
  }

  restart(): void {
    this.#leakage.restart();
  }

  #analyse(): void {
    const re = this.#re;
    const im = this.#im;
    for (let i = 0; i < FRAME; i++) {
      re[i] = (this.#rest[i] ?? 0) * (this.#window[i] ?? 0);
      im[i] = (this.#echo[i] ?? 0) * (this.#window[i] ?? 0);
    }
    this.#fft.forward(re, im);
    for (let k = 0; k < BINS; k++) {
      const mirror = (FRAME - k) % FRAME;
      const er = ((re[k] ?? 0) + (re[mirror] ?? 0)) / 2;
      const ei = ((im[k] ?? 0) - (im[mirror] ?? 0)) / 2;
      const yr = ((im[k] ?? 0) + (im[mirror] ?? 0)) / 2;
      const yi = ((re[mirror] ?? 0) - (re[k] ?? 0)) / 2;
      this.#outRe[k] = er;
      this.#outIm[k] = ei;
      this.#restPower[k] = er * er + ei * ei;
      this.#echoPower[k] = yr * yr + yi * yi;
    }
  }

  #judge(): void {
    const leak = this.#leakage.share;
    let residual = 0;
    let all = 0;
    for (let k = 0; k < BINS; k++) {
      this.#residual[k] = Math.max(TAIL * (this.#residual[k] ?? 0), leak * (this.#echoPower[k] ?? 0));
      residual += this.#residual[k] ?? 0;
      all += this.#restPower[k] ?? 0;
    }
    this.#noise.observe(this.#restPower, residual < 0.1 * all);
    for (let k = 0; k < BINS; k++) {
      let echo = 0;
      let rest = 1;
      for (let i = Math.max(0, k - SPREAD); i <= Math.min(BLOCK, k + SPREAD); i++) {
        echo += this.#residual[i] ?? 0;
        rest += this.#restPower[i] ?? 0;
      }
      const wanted = Math.max(0, 1 - (OVER * echo) / rest);
      const before = this.#gain[k] ?? 1;
      this.#gain[k] = wanted > before ? before + OPENING * (wanted - before) : wanted;
    }
  }

  #synthesise(out: Float64Array): void {
    const re = this.#outRe;
    const im = this.#outIm;
    for (let k = 0; k < BINS; k++) {
      const gain = this.#gain[k] ?? 1;
      re[k] = (re[k] ?? 0) * gain;
      im[k] = (im[k] ?? 0) * gain;
      if (gain < 0.98) this.#noise.add(k, 1 - gain * gain, re, im);
    }
    im[0] = 0;
    im[BLOCK] = 0;
    for (let k = 1; k < BLOCK; k++) {
      re[FRAME - k] = re[k] ?? 0;
      im[FRAME - k] = -(im[k] ?? 0);
    }
    this.#fft.inverse(re, im);
    for (let i = 0; i < BLOCK; i++) {
      out[i] = (this.#overlap[i] ?? 0) + (re[i] ?? 0) * (this.#window[i] ?? 0);
      this.#overlap[i] = (re[BLOCK + i] ?? 0) * (this.#window[BLOCK + i] ?? 0);
    }
  }
}

/** Drops the oldest block and adds one. */
function slide(frame: Float64Array, block: Float64Array): void {
  frame.copyWithin(0, BLOCK);
  frame.set(block, BLOCK);
}
