import { peakOfDbm0 } from '#media/level.ts';
import { STEP_MS } from '#pstn/supervision/tone-bank.ts';

/** What may be a voice has this level at least. */
const AUDIBLE_DBM0 = -42;
/** And 8 dB above the noise of the line. */
const ABOVE_NOISE = 6.3;
/** Noise is the least power of the last 2 s, kept as four parts of 0.5 s. */
const PART = 500 / STEP_MS;
const PARTS = 4;
/** So much sound that is no tone of the network is a voice, or whatever else plays there. */
const VOICE = 240 / STEP_MS;
/** Pauses between words take a quarter of what they last. */
const FADE = 0.25;
/** A voice was heard lately when so much of it was. */
const SOME = 60 / STEP_MS;

/** Tells voices from tones of the network and from steady noise. */
export class VoiceTracker {
  /** Steps looked at so far, and the one at which a voice was last heard. */
  #step = 0;
  #heardAt = Number.NEGATIVE_INFINITY;
  #amount = 0;
  #told = false;
  readonly #report: () => void;
  /** As a mean square. */
  readonly #audible: number;
  readonly #least = new Float64Array(PARTS).fill(Number.POSITIVE_INFINITY);

  /** `report` is called once for each stretch of voice. */
  constructor(report: () => void, audibleDbm0 = AUDIBLE_DBM0) {
    this.#report = report;
    this.#audible = peakOfDbm0(audibleDbm0) ** 2 / 2;
    // Before anything is known of it, the line is taken to be quiet.
    this.#least[PARTS - 1] = 0;
  }

  /** Milliseconds since a voice was heard. */
  get quietFor(): number {
    return (this.#step - this.#heardAt) * STEP_MS;
  }

  look(power: number, isTone: boolean): void {
    this.#step++;
    const part = Math.floor(this.#step / PART) % PARTS;
    if (this.#step % PART === 0) this.#least[part] = Number.POSITIVE_INFINITY;
    this.#least[part] = Math.min(this.#least[part] ?? 0, power);
    if (!isTone && power >= this.#audible && power >= this.#noise * ABOVE_NOISE) {
      this.#amount = Math.min(VOICE, this.#amount + 1);
      if (this.#amount >= SOME) this.#heardAt = this.#step;
    } else this.#amount = Math.max(0, this.#amount - FADE);
    if (this.#amount >= VOICE && !this.#told) {
      this.#told = true;
      this.#report();
    } else if (this.#amount === 0) this.#told = false;
  }

  get #noise(): number {
    let least = Number.POSITIVE_INFINITY;
    for (const power of this.#least) if (power < least) least = power;
    return least;
  }
}
