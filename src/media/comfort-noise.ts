import { BINS, BLOCK, FRAME } from '#media/echo-canceller/frame.ts';

/** Powers are averaged over about 80 ms before their minimum is looked for. */
const SMOOTH = 0.1;
/** The minimum rises by about 1.5 dB a second until it meets the powers again. */
const RISE = 1.4 ** (BLOCK / 8000);
/** The lowest of averaged powers lies below their mean by about this (2 dB), for noise averaged as above. */
const BIAS = 1.6;
/** Before anything was heard the noise is that of a quiet line, about -68 dBm0 flat (16-bit samples of amplitude 9). */
const FIRST_POWER = FRAME * 9 ** 2;

/**
 * The noise in the background of a line: its level bin by bin, by minimum statistics (R. Martin, IEEE Trans. SAP 9, 2001, much
 * simplified), and as much of it as one asks for, of random phase, so that a line on which an echo is suppressed does not
 * go dead.
 */
export class ComfortNoise {
  readonly #smooth = new Float64Array(BINS).fill(FIRST_POWER);
  readonly #least = new Float64Array(BINS).fill(FIRST_POWER);
  #seed = 0x2545f491;

  /** Powers of the bins of one frame. Where `clean` is false the noise is not let rise. */
  observe(powers: Float64Array, clean: boolean): void {
    for (let k = 0; k < BINS; k++) {
      const smooth = (this.#smooth[k] ?? 0) + SMOOTH * ((powers[k] ?? 0) - (this.#smooth[k] ?? 0));
      this.#smooth[k] = smooth;
      const least = this.#least[k] ?? 0;
      this.#least[k] = smooth < least ? smooth : clean ? Math.min(smooth, least * RISE) : least;
    }
  }

  /** The noise's mean power in one bin. */
  power(bin: number): number {
    return BIAS * (this.#least[bin] ?? 0);
  }

  /** Adds noise of `share` of the power in one bin to a spectrum. */
  add(bin: number, share: number, re: Float64Array, im: Float64Array): void {
    // A linear congruential generator (Numerical Recipes' constants): noise need not be secret.
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) | 0;
    const turn = (this.#seed >>> 0) * ((2 * Math.PI) / 2 ** 32);
    const amplitude = Math.sqrt(share * this.power(bin));
    re[bin] = (re[bin] ?? 0) + amplitude * Math.cos(turn);
    im[bin] = (im[bin] ?? 0) + amplitude * Math.sin(turn);
  }
}
