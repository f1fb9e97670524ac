import { SAMPLE_RATE } from '#media/tones.ts';

/**
 * What is taken out, Hz: DC with mains hum and its first harmonics, and dial tones, which lie at 330 to 490 Hz all over the world (ITU-T E.180
 * supplement 2).
 */
const NOTCHES = [
  { at: 0, width: 300 },
  { at: 350, width: 70 },
  { at: 435, width: 70 },
] as const;

/** Takes dial tone, mains hum and DC out of a sound, so that keys can be heard above them. */
export class VoiceBand {
  readonly #notches = NOTCHES.map(({ at, width }) => new Notch(at, width));

  filter(sample: number): number {
    let out = sample;
    for (let i = 0; i < NOTCHES.length; i++) out = this.#notches[i]?.filter(out) ?? out;
    return out;
  }
}

/** A second-order notch: zeros on the unit circle, poles behind them. At 0 Hz it is a high-pass of half its width. */
export class Notch {
  readonly #cos: number;
  readonly #radius: number;
  readonly #gain: number;
  #x1 = 0;
  #x2 = 0;
  #y1 = 0;
  #y2 = 0;

  constructor(hz: number, width: number) {
    this.#cos = 2 * Math.cos((2 * Math.PI * hz) / SAMPLE_RATE);
    this.#radius = 1 - (Math.PI * width) / SAMPLE_RATE;
    // As loud as before at half the sample rate, far away from the notch.
    this.#gain = (1 + this.#radius * this.#cos + this.#radius ** 2) / (2 + this.#cos);
  }

  filter(x: number): number {
    const r = this.#radius;
    const y = this.#gain * (x - this.#cos * this.#x1 + this.#x2) + r * this.#cos * this.#y1 - r * r * this.#y2;
    this.#x2 = this.#x1;
    this.#x1 = x;
    this.#y2 = this.#y1;
    this.#y1 = y;
    return y;
  }
}
