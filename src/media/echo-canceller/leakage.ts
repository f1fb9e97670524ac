import { BINS, BLOCK } from '#media/echo-canceller/frame.ts';

/** Spectra are averaged over about 1 s. */
const MEAN_RATE = (2 * BLOCK) / 8000;
/** How fast the estimate follows at most, and its share when what is left is louder than the echo. */
const FASTEST = 0.03;
const SHARE = 0.12;
const LEAST = 0.001;

/**
 * The share of the echo's power that leaks through a filter, by the correlation of the changes of two power spectra: that of
 * the estimated echo and that of what is left (J.-M. Valin, IEEE Trans. ASLP 15, 2007). What comes from the near end changes
 * independently of the echo and so does not count.
 */
export class Leakage {
  readonly #meanEcho = new Float64Array(BINS);
  readonly #meanRest = new Float64Array(BINS);
  #both = 1;
  #alone = 1;

  /** Powers of one block, bin by bin. */
  update(echo: Float64Array, rest: Float64Array): void {
    let both = 0;
    let alone = 0;
    let echoSum = 0;
    let restSum = 1;
    for (let k = 0; k < BINS; k++) {
      const y = echo[k] ?? 0;
      const e = rest[k] ?? 0;
      const changeOfEcho = y - (this.#meanEcho[k] ?? 0);
      const changeOfRest = e - (this.#meanRest[k] ?? 0);
      this.#meanEcho[k] = (this.#meanEcho[k] ?? 0) + MEAN_RATE * changeOfEcho;
      this.#meanRest[k] = (this.#meanRest[k] ?? 0) + MEAN_RATE * changeOfRest;
      both += changeOfEcho * changeOfRest;
      alone += changeOfEcho * changeOfEcho;
      echoSum += y;
      restSum += e;
    }
    if (alone <= 0) return;
    const scale = Math.sqrt(alone);
    const rate = Math.min(FASTEST, (SHARE * echoSum) / restSum);
    this.#both += rate * (both / scale - this.#both);
    this.#alone += rate * (scale - this.#alone);
    this.#both = Math.max(this.#both, LEAST * this.#alone);
  }

  /** 0.001 to 1. */
  get share(): number {
    return Math.min(1, Math.max(LEAST, this.#both / this.#alone));
  }

  restart(): void {
    this.#both = this.#alone;
  }
}
