import { Fft } from '#media/echo-canceller/fft.ts';

/** Works at 4 kHz: half the samples, enough of the band, and twice the reach for the same transform. */
const DECIMATION = 2;
/** Decimated samples: 512 ms of possible delays, 256 ms of sound looked at together, looked at anew each 128 ms. */
const LAGS = 2048;
const FRAME = 1024;
const HOP = 512;
const SIZE = 4096;
const RING = 4096;
/** The band of the telephone that lies below 2 kHz, as bins of the transform: 250 to 1850 Hz. */
const FIRST_BIN = Math.round((250 * SIZE) / 4000);
const LAST_BIN = Math.round((1850 * SIZE) / 4000);
/** What was learnt 0.6 s ago counts for a third. */
const FORGET = 0.87;
/** A reference frame below this mean power (about -48 dBm0, 16-bit samples) teaches nothing. */
const MIN_POWER = 90 ** 2;
/** The power of a frame must be spread over so many bins: two tones fill about 8, half a second of speech a hundred. */
const MIN_BINS = 25;
/** A peak is believed when it stands this far above the root mean square of all lags, so often in a row, within so many samples. */
const SIGNIFICANT = 9;
const AGREEING = 2;
const TOLERANCE = 6;
/** Half-band filter in front of the decimation, 7 taps. */
const LOW_PASS = [-1 / 32, 0, 9 / 32, 16 / 32, 9 / 32, 0, -1 / 32] as const;

/**
 * Finds by how much the echo in what the line brings lags behind what was played to it. The cross spectrum of both is
 * averaged over about a second and weighted by the smoothed coherence transform (SCOT: Carter, Nuttall and Cable,
 * Proc. IEEE 61, 1973), which flattens the spectrum of speech, so that its inverse transform has its peak at the delay.
 */
export class BulkDelay {
  readonly #fft = new Fft(SIZE);
  readonly #re = new Float64Array(SIZE);
  readonly #im = new Float64Array(SIZE);
  readonly #crossRe = new Float64Array(SIZE / 2);
  readonly #crossIm = new Float64Array(SIZE / 2);
  readonly #powerX = new Float64Array(SIZE / 2);
  readonly #powerY = new Float64Array(SIZE / 2);
  readonly #reference = new Decimator();
  readonly #heard = new Decimator();
  #sinceLook = 0;
  #candidate = -1;
  #agreed = 0;
  #found: number | undefined;

  /** In samples at 8000 a second, to about half a millisecond; undefined until it was found. */
  get delay(): number | undefined {
    return this.#found;
  }

  /** Takes sound of both in; the reference comes a little later than what was heard in the same moment. */
  pushHeard(samples: Float64Array): void {
    this.#sinceLook += this.#heard.push(samples);
  }

  /** Gives true when it looked and the delay found is another one, or the first. */
  pushReference(samples: Float64Array): boolean {
    this.#reference.push(samples);
    if (this.#sinceLook < HOP) return false;
    this.#sinceLook -= HOP;
    return this.#look();
  }

  /** More of the reference, to which nothing was heard; `shift` follows. */
  addReference(samples: Float64Array): void {
    this.#reference.push(samples);
  }

  /** The reference is by so many samples longer than before against what was heard, so the echo lags by as much more behind its newest. */
  shift(samples: number): void {
    const lags = samples / DECIMATION;
    for (let k = FIRST_BIN; k <= LAST_BIN; k++) {
      const angle = (-2 * Math.PI * k * lags) / SIZE;
      const cos = Math.cos(angle);
      const sin = Math.sin(angle);
      const re = this.#crossRe[k] ?? 0;
      const im = this.#crossIm[k] ?? 0;
      this.#crossRe[k] = re * cos - im * sin;
      this.#crossIm[k] = re * sin + im * cos;
    }
    this.#candidate += lags;
    if (this.#found !== undefined) this.#found += samples;
  }

  /** What was found is not so any more. */
  lose(): void {
    this.#found = undefined;
  }

  #look(): boolean {
    if (!this.#load()) return false;
    this.#fft.forward(this.#re, this.#im);
    if (!this.#isBroad()) return false;
    this.#accumulate();
    this.#weight();
    this.#fft.inverse(this.#re, this.#im);
    return this.#judge();
  }

  /** The reference of frame and lags as real part, the frame heard as imaginary part. False when the reference is too faint. */
  #load(): boolean {
    const re = this.#re.fill(0);
    const im = this.#im.fill(0);
    // Both streams are as long when this is called; the newest FRAME samples heard meet the newest FRAME + LAGS played.
    this.#reference.copyNewest(re, LAGS - 1 + FRAME);
    this.#heard.copyNewest(im.subarray(LAGS - 1), FRAME);
    let power = 0;
    for (let i = 0; i < LAGS + FRAME; i++) power += (re[i] ?? 0) ** 2;
    return power / (LAGS + FRAME) >= MIN_POWER;
  }

  /** Whether the reference has power all over the band: a tone has the same peak in every of its periods, and so none. */
  #isBroad(): boolean {
    let sum = 1;
    let squares = 1;
    for (let k = FIRST_BIN; k <= LAST_BIN; k++) {
      const mirror = SIZE - k;
      const xr = (this.#re[k] ?? 0) + (this.#re[mirror] ?? 0);
      const xi = (this.#im[k] ?? 0) - (this.#im[mirror] ?? 0);
      const power = xr * xr + xi * xi;
      sum += power;
      squares += power * power;
    }
    return sum * sum > MIN_BINS * squares;
  }

  #accumulate(): void {
    for (let k = FIRST_BIN; k <= LAST_BIN; k++) {
      const mirror = SIZE - k;
      // Two real signals in one transform: even and odd parts of the spectrum.
      const xr = ((this.#re[k] ?? 0) + (this.#re[mirror] ?? 0)) / 2;
      const xi = ((this.#im[k] ?? 0) - (this.#im[mirror] ?? 0)) / 2;
      const yr = ((this.#im[k] ?? 0) + (this.#im[mirror] ?? 0)) / 2;
      const yi = ((this.#re[mirror] ?? 0) - (this.#re[k] ?? 0)) / 2;
      this.#crossRe[k] = FORGET * (this.#crossRe[k] ?? 0) + yr * xr + yi * xi;
      this.#crossIm[k] = FORGET * (this.#crossIm[k] ?? 0) + yi * xr - yr * xi;
      this.#powerX[k] = FORGET * (this.#powerX[k] ?? 0) + xr * xr + xi * xi;
      this.#powerY[k] = FORGET * (this.#powerY[k] ?? 0) + yr * yr + yi * yi;
    }
  }

  #weight(): void {
    this.#re.fill(0);
    this.#im.fill(0);
    for (let k = FIRST_BIN; k <= LAST_BIN; k++) {
      const weight = 1 / Math.sqrt((this.#powerX[k] ?? 0) * (this.#powerY[k] ?? 0) + 1);
      this.#re[k] = (this.#crossRe[k] ?? 0) * weight;
      this.#im[k] = (this.#crossIm[k] ?? 0) * weight;
    }
  }

  /** One-sided spectra give the envelope of the correlation: no matter whether the echo is inverted. */
  #judge(): boolean {
    let best = 0;
    let bestLag = 0;
    let sum = 0;
    for (let lag = 0; lag < LAGS; lag++) {
      const square = (this.#re[lag] ?? 0) ** 2 + (this.#im[lag] ?? 0) ** 2;
      sum += square;
      if (square > best) {
        best = square;
        bestLag = lag;
      }
    }
    if (best < SIGNIFICANT ** 2 * (sum / LAGS)) {
      this.#agreed = 0;
      return false;
    }
    this.#agreed = Math.abs(bestLag - this.#candidate) <= TOLERANCE ? this.#agreed + 1 : 1;
    this.#candidate = bestLag;
    const delay = bestLag * DECIMATION;
    if (this.#agreed < AGREEING) return false;
    if (this.#found !== undefined && Math.abs(delay - this.#found) <= TOLERANCE * DECIMATION) return false;
    this.#found = delay;
    return true;
  }
}

/** Low-pass, every second sample, and the last second of them. */
class Decimator {
  readonly #ring = new Float64Array(RING);
  readonly #delayed = new Float64Array(LOW_PASS.length);
  #odd = false;
  #count = 0;

  /** Gives how many decimated samples came of it. */
  push(samples: Float64Array): number {
    const before = this.#count;
    const delayed = this.#delayed;
    for (let i = 0; i < samples.length; i++) {
      delayed.copyWithin(0, 1);
      delayed[LOW_PASS.length - 1] = samples[i] ?? 0;
      this.#odd = !this.#odd;
      if (this.#odd) continue;
      let sum = 0;
      for (let tap = 0; tap < LOW_PASS.length; tap++) sum += (delayed[tap] ?? 0) * (LOW_PASS[tap] ?? 0);
      this.#ring[this.#count++ & (RING - 1)] = sum;
    }
    return this.#count - before;
  }

  copyNewest(to: Float64Array, count: number): void {
    for (let i = 0; i < count; i++) to[i] = this.#ring[(this.#count - count + i) & (RING - 1)] ?? 0;
  }
}
