import { Fft } from '#media/echo-canceller/fft.ts';
import { BINS, BLOCK, FRAME, PARTITIONS } from '#media/echo-canceller/frame.ts';
import { type FilterOutput, LearningRate } from '#media/echo-canceller/learning-rate.ts';

/** The energies that the two filters leave are compared over about 3 and 12 blocks. */
const QUICK = 0.35;
const SLOW = 0.08;
/** The background filter is the better one when it leaves this share of what the foreground one leaves, and the worse one at that. */
const MUCH_BETTER = 0.4;
const BETTER = 0.8;
const MUCH_WORSE = 2;
const WORSE = 1.25;
/** Nothing worth comparing: mean energy of a block of samples of amplitude 4. */
const NOTHING = BLOCK * 4 ** 2;

/** The part of an echo that a linear filter explains, and what is left. */
export interface Cancelled {
  /** Echo as estimated, BLOCK samples. */
  readonly echo: Float64Array;
  /** Heard minus echo. */
  readonly rest: Float64Array;
}

/**
 * A partitioned frequency-domain adaptive filter (Soo and Pang, IEEE Trans. ASSP 38, 1990) of 32 ms, in two copies (Ochiai,
 * Araseki and Ogihara, IEEE Trans. Comm. 25, 1977): the background one learns all the time, at a rate that follows from
 * how much of what is left can be echo; the foreground one makes the output and only ever takes over coefficients that
 * proved better. Speech from the near end so disturbs the background filter at most.
 */
export class AdaptiveFilter {
  readonly #fft = new Fft(FRAME);
  readonly #re = new Float64Array(FRAME);
  readonly #im = new Float64Array(FRAME);
  /** Spectra of the last PARTITIONS frames of the reference; `#newest` says where the latest is. */
  readonly #xRe = new Float64Array(PARTITIONS * BINS);
  readonly #xIm = new Float64Array(PARTITIONS * BINS);
  #newest = 0;
  readonly #foreRe = new Float64Array(PARTITIONS * BINS);
  readonly #foreIm = new Float64Array(PARTITIONS * BINS);
  readonly #backRe = new Float64Array(PARTITIONS * BINS);
  readonly #backIm = new Float64Array(PARTITIONS * BINS);
  readonly #fore = { echo: new Float64Array(BLOCK), rest: new Float64Array(BLOCK) };
  readonly #back = { echo: new Float64Array(BLOCK), rest: new Float64Array(BLOCK) };
  readonly #rate = new LearningRate();
  #toConstrain = 0;
  readonly #quick = { fore: 0, back: 0 };
  readonly #slow = { fore: 0, back: 0 };

  /** One block: the reference is a frame, its last BLOCK samples new. The result is good until the next call. */
  process(reference: Float64Array, heard: Float64Array): Cancelled {
    this.load(reference);
    this.#filter();
    const fore = energies(this.#fore, heard);
    const back = energies(this.#back, heard);
    this.#compare(fore, back, heard);
    this.#learn(reference, heard);
    return this.#fore;
  }

  /** Puts a frame of the reference into the row of spectra without filtering: when the delay changed, the row is loaded anew. */
  load(reference: Float64Array): void {
    this.#newest = (this.#newest + PARTITIONS - 1) % PARTITIONS;
    this.#re.set(reference);
    this.#im.fill(0);
    this.#fft.forward(this.#re, this.#im);
    const at = this.#newest * BINS;
    for (let k = 0; k < BINS; k++) {
      this.#xRe[at + k] = this.#re[k] ?? 0;
      this.#xIm[at + k] = this.#im[k] ?? 0;
    }
  }

  /** Learns anew from what is known so far: the echo path is another one now. */
  relearn(): void {
    this.#rate.restart();
  }

  /** Echo estimates of both filters with one inverse transform. */
  #filter(): void {
    const re = this.#re.fill(0);
    const im = this.#im.fill(0);
    for (let p = 0; p < PARTITIONS; p++) {
      const x = ((this.#newest + p) % PARTITIONS) * BINS;
      const w = p * BINS;
      for (let k = 0; k < BINS; k++) {
        const xr = this.#xRe[x + k] ?? 0;
        const xi = this.#xIm[x + k] ?? 0;
        const fr = this.#foreRe[w + k] ?? 0;
        const fi = this.#foreIm[w + k] ?? 0;
        const br = this.#backRe[w + k] ?? 0;
        const bi = this.#backIm[w + k] ?? 0;
        const foreR = xr * fr - xi * fi;
        const foreI = xr * fi + xi * fr;
        const backR = xr * br - xi * bi;
        const backI = xr * bi + xi * br;
        // Foreground + i * background: both are real signals.
        re[k] = (re[k] ?? 0) + foreR - backI;
        im[k] = (im[k] ?? 0) + foreI + backR;
        if (k === 0 || k === BLOCK) continue;
        re[FRAME - k] = (re[FRAME - k] ?? 0) + foreR + backI;
        im[FRAME - k] = (im[FRAME - k] ?? 0) - foreI + backR;
      }
    }
    this.#fft.inverse(re, im);
    this.#fore.echo.set(re.subarray(BLOCK));
    this.#back.echo.set(im.subarray(BLOCK));
  }

  #compare(fore: Energies, back: Energies, heard: Float64Array): void {
    const quick = follow(this.#quick, { fore: fore.rest, back: back.rest }, QUICK);
    const slow = follow(this.#slow, { fore: fore.rest, back: back.rest }, SLOW);
    if (quick < MUCH_BETTER || slow < BETTER) {
      this.#foreRe.set(this.#backRe);
      this.#foreIm.set(this.#backIm);
      this.#fore.echo.set(this.#back.echo);
      this.#fore.rest.set(this.#back.rest);
    } else if (quick > MUCH_WORSE || slow > WORSE) {
      this.#backRe.set(this.#foreRe);
      this.#backIm.set(this.#foreIm);
      this.#back.echo.set(this.#fore.echo);
      energies(this.#back, heard);
    } else return;
    this.#quick.back = this.#quick.fore = Math.min(this.#quick.back, this.#quick.fore);
    this.#slow.back = this.#slow.fore = Math.min(this.#slow.back, this.#slow.fore);
  }

  #learn(reference: Float64Array, heard: Float64Array): void {
    const newest = this.#newest * BINS;
    const output: FilterOutput = { ...this.#back, heard };
    const spectrum = [this.#xRe.subarray(newest, newest + BINS), this.#xIm.subarray(newest, newest + BINS)] as const;
    const steps = this.#rate.update(output, reference, ...spectrum);
    if (steps === undefined) return;
    const { step, restRe, restIm } = steps;
    for (let p = 0; p < PARTITIONS; p++) {
      const x = ((this.#newest + p) % PARTITIONS) * BINS;
      const w = p * BINS;
      for (let k = 0; k < BINS; k++) {
        const xr = this.#xRe[x + k] ?? 0;
        const xi = this.#xIm[x + k] ?? 0;
        const er = (restRe[k] ?? 0) * (step[k] ?? 0);
        const ei = (restIm[k] ?? 0) * (step[k] ?? 0);
        this.#backRe[w + k] = (this.#backRe[w + k] ?? 0) + xr * er + xi * ei;
        this.#backIm[w + k] = (this.#backIm[w + k] ?? 0) + xr * ei - xi * er;
      }
    }
    this.#constrain(this.#toConstrain, (this.#toConstrain + 1) % PARTITIONS);
    this.#toConstrain = (this.#toConstrain + 2) % PARTITIONS;
  }

  /** Cuts the second half of the impulse responses of two partitions, which belongs to the following ones; all take turns. */
  #constrain(first: number, second: number): void {
    const re = this.#re;
    const im = this.#im;
    const a = first * BINS;
    const b = second * BINS;
    for (let k = 0; k < BINS; k++) {
      const ar = this.#backRe[a + k] ?? 0;
      const ai = this.#backIm[a + k] ?? 0;
      const br = this.#backRe[b + k] ?? 0;
      const bi = this.#backIm[b + k] ?? 0;
      re[k] = ar - bi;
      im[k] = ai + br;
      if (k === 0 || k === BLOCK) continue;
      re[FRAME - k] = ar + bi;
      im[FRAME - k] = br - ai;
    }
    this.#fft.inverse(re, im);
    re.fill(0, BLOCK);
    im.fill(0, BLOCK);
    this.#fft.forward(re, im);
    for (let k = 0; k < BINS; k++) {
      const mirror = (FRAME - k) % FRAME;
      this.#backRe[a + k] = ((re[k] ?? 0) + (re[mirror] ?? 0)) / 2;
      this.#backIm[a + k] = ((im[k] ?? 0) - (im[mirror] ?? 0)) / 2;
      this.#backRe[b + k] = ((im[k] ?? 0) + (im[mirror] ?? 0)) / 2;
      this.#backIm[b + k] = ((re[mirror] ?? 0) - (re[k] ?? 0)) / 2;
    }
  }
}

interface Pair {
  fore: number;
  back: number;
}

/** Averages both; gives the background's share of the foreground's. */
function follow(mean: Pair, now: Readonly<Pair>, rate: number): number {
  mean.fore += rate * (now.fore - mean.fore);
  mean.back += rate * (now.back - mean.back);
  return (mean.back + NOTHING) / (mean.fore + NOTHING);
}

interface Energies {
  readonly heard: number;
  readonly rest: number;
}

/** Subtracts the echo from what was heard and gives the energies of both. */
function energies(part: Cancelled, heard: Float64Array): Energies {
  let all = 0;
  let left = 0;
  for (let i = 0; i < BLOCK; i++) {
    const sample = heard[i] ?? 0;
    const rest = sample - (part.echo[i] ?? 0);
    part.rest[i] = rest;
    all += sample * sample;
    left += rest * rest;
  }
  return { heard: all, rest: left };
}
