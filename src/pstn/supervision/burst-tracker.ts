import { type CadencedTone, matchOf, nameOf, type Rhythm, slack, type ToneName } from '#pstn/supervision/cadence.ts';
import type { ToneFamily } from '#pstn/supervision/spectra.ts';
import { STEP_MS, type ToneBank } from '#pstn/supervision/tone-bank.ts';

/** Share of all power that a family's bands hold together, and each band at least. Noise 20 dB below takes 0.01 of it. */
const SHARE_OF_ALL = 0.75;
const SHARE_OF_EACH = 0.12;
/** Exchanges keep frequencies within 1.5 %; the rest is how exactly they are measured. */
const FREQUENCY_SHARE = 0.02;
const FREQUENCY_HZ = 2;
/** A burst is one once it has been heard for so many steps (70 ms). */
const CONFIRM = 14;
/** Steps of power kept, to find where a burst began. */
const KEPT = 32;
/** A burst lasts while its power is above this share of its highest: 9 dB below, where a window stands half over the edge. */
const EDGE = 1 / 8;
/** By so much a burst comes out longer than it was, and a pause shorter. */
const EDGE_MS = 12;
/** What a burst of a network tone may have of steps that are something else, and of steps 3 to 9 dB below its level. */
const BAD_SHARE = 0.1;
const SLOPES = 14;
/** How far the frequency may wander in a burst, Hz; and how far bursts may differ in power. */
const WANDER_HZ = 10;
/** One burst of a single low tone may be a voice; less so two at a time, or a high one. */
const PURE_HZ = 3;
const LOW_HZ = 1000;
const LEVEL_RATIO = 4;
/** Modulation by a third or more takes this share of a burst below half of its mean power; a level tone never gets there. */
const FAINT_SHARE = 0.1;
/** Steps after which that is known: six turns of the slowest modulation (16 Hz). */
const SWING_KNOWN = 75;
/** Steps in a pause that may be loud: edges, clicks. */
const LOUD = 8;
const MAX_PAST = 16;
/** A rhythm is looked at every 20 ms. */
const LOOK = 4;

/** Follows the bursts of one family of tones and says what they are. Time is counted in steps of 5 ms. */
export class BurstTracker {
  /** Whether the newest step is a tone of this family. */
  matches = false;
  readonly #family: ToneFamily;
  readonly #firstBand: number;
  readonly #longestPause: number;
  readonly #wander: number;
  /** Of the family's tones those without modulation. */
  readonly #plain: readonly CadencedTone[];
  readonly #report: (name: ToneName) => void;
  readonly #powers = new Float64Array(KEPT);
  #step = 0;
  #run = 0;
  #isOn = false;
  #edge = 0;
  #past: number[] = [];
  #reported = false;
  #isPure = true;
  #level = 0;
  #lastLevel = 0;
  #bad = 0;
  #slopes = 0;
  #faint = 0;
  #lowest = 0;
  #highest = 0;
  #loud = 0;
  #below = 0;

  /** `firstBand` is the place of the family's first band in the bank. */
  constructor(family: ToneFamily, firstBand: number, report: (name: ToneName) => void) {
    this.#family = family;
    this.#firstBand = firstBand;
    this.#report = report;
    const isVoiceLike = family.bands.length === 1 && (family.centres[0] ?? 0) < LOW_HZ;
    this.#plain = family.tones.filter(({ isModulated }) => !isModulated);
    this.#wander = isVoiceLike ? PURE_HZ : WANDER_HZ;
    const pauses = family.tones.flatMap(({ cadence }) => cadence.filter((_, i) => i % 2 === 1));
    const longest = Math.max(0, ...pauses);
    this.#longestPause = longest + slack(longest) + 2 * CONFIRM * STEP_MS;
  }

  /** Looks at the bank's newest step. `audible` says whether there is any sound to speak of. */
  look(bank: ToneBank, audible: boolean): void {
    this.#step++;
    const power = this.#power(bank);
    this.#powers[this.#step % KEPT] = power;
    this.matches = audible && this.#isTone(bank, power);
    this.#run = this.matches ? this.#run + 1 : 0;
    if (this.#isOn) this.#inBurst(bank, power);
    else this.#inPause(bank, power);
    if (this.#step % LOOK === 0) this.#judge();
  }

  #power(bank: ToneBank): number {
    let power = 0;
    for (let i = 0; i < this.#family.bands.length; i++) power += bank.power[this.#firstBand + i] ?? 0;
    return power;
  }

  #isTone(bank: ToneBank, power: number): boolean {
    if (power < bank.long * SHARE_OF_ALL) return false;
    for (let i = 0; i < this.#family.centres.length; i++) {
      const centre = this.#family.centres[i] ?? 0;
      if ((bank.power[this.#firstBand + i] ?? 0) < bank.long * SHARE_OF_EACH) return false;
      const off = Math.abs((bank.frequency[this.#firstBand + i] ?? 0) - centre);
      if (off > centre * FREQUENCY_SHARE + FREQUENCY_HZ) return false;
    }
    return true;
  }

  #inPause(bank: ToneBank, power: number): void {
    if (this.#past.length > 0) {
      if (bank.step > this.#lastLevel * EDGE && power < this.#lastLevel * EDGE) this.#loud++;
      if (this.#sinceEdge() > this.#longestPause) this.#forget();
    }
    if (this.#run >= CONFIRM) this.#begin(power);
  }

  #begin(power: number): void {
    this.#level = power;
    let back = 0;
    while (back < KEPT - 1 && (this.#powers[(this.#step - back + KEPT - 1) % KEPT] ?? 0) >= power * EDGE) back++;
    const onset = this.#step - back;
    if (this.#past.length > 0) {
      const pause = (onset - this.#edge) * STEP_MS + EDGE_MS;
      const ratio = power / this.#lastLevel;
      if (this.#loud > LOUD || ratio > LEVEL_RATIO || ratio < 1 / LEVEL_RATIO) this.#forget();
      else this.#remember(pause);
    }
    this.#isOn = true;
    this.#below = 0;
    this.#edge = onset;
    this.#bad = 0;
    this.#slopes = 0;
    this.#faint = 0;
    this.#lowest = Number.POSITIVE_INFINITY;
    this.#highest = 0;
  }

  #inBurst(bank: ToneBank, power: number): void {
    if (bank.step < bank.long / 2) this.#faint++;
    if (power > this.#level) this.#level = power;
    if (power < this.#level * EDGE) {
      if (this.#below++ >= this.#family.dips) this.#end();
      return;
    }
    this.#below = 0;
    if (power < this.#level / 2) this.#slopes++;
    else if (!this.matches) this.#bad++;
    else if (power > this.#level * 0.7) {
      const frequency = bank.frequency[this.#firstBand] ?? 0;
      if (frequency < this.#lowest) this.#lowest = frequency;
      if (frequency > this.#highest) this.#highest = frequency;
    }
  }

  #end(): void {
    this.#isOn = false;
    const end = this.#step - this.#family.dips;
    if (this.#reported || !this.#isClean) this.#forget();
    else {
      this.#isPure = this.#isPure && this.#bad === 0 && this.#highest - this.#lowest <= this.#wander;
      this.#remember((end - this.#edge) * STEP_MS - EDGE_MS);
    }
    this.#edge = end;
    this.#lastLevel = this.#level;
    this.#loud = 0;
    this.#run = 0;
  }

  /** A tone of an exchange keeps its level and its frequency; a voice that happens to hit it does not. */
  get #isClean(): boolean {
    const length = this.#step - this.#edge;
    if (this.#bad > 2 + length * BAD_SHARE) return false;
    if (!this.#family.isLevel) return true;
    return this.#slopes <= SLOPES && this.#highest - this.#lowest <= WANDER_HZ;
  }

  /** Whether a first burst has lasted long enough without any swing to be no modulated tone. */
  get #isPlain(): boolean {
    const length = this.#step - this.#edge;
    return this.#isOn && this.#past.length === 0 && length >= SWING_KNOWN && this.#faint < length * FAINT_SHARE;
  }

  #judge(): void {
    if (this.#reported || (!this.#isOn && this.#past.length === 0)) return;
    // What may be the next burst ends the pause once it is confirmed, and where it began.
    if (!this.#isOn && this.#run > 0) return;
    if (this.#isOn && !this.#isClean) return;
    const tones = this.#isPlain ? this.#plain : this.#family.tones;
    const lasts = Math.max(0, this.#sinceEdge() - (this.#isOn ? EDGE_MS / 2 : -EDGE_MS));
    const rhythm: Rhythm = { past: this.#past, now: lasts };
    const name = nameOf(tones, rhythm);
    // One burst may be a whole waiting call, so it has to be a better one.
    if (name !== undefined && (name !== 'call-waiting' || this.#isPure)) {
      this.#reported = true;
      this.#report(name);
      // A ring or a waiting call is told anew each time.
      if (!this.#isOn) this.#forget();
    }
  }

  /** What no tone begins with is left out, burst and pause together. */
  #remember(ms: number): void {
    const past = this.#past;
    past.push(ms);
    if (past.length > MAX_PAST) past.splice(0, 2);
    const fits = () => this.#family.tones.some((tone) => matchOf(tone, { past, now: 0 }) !== undefined);
    while (past.length >= 2 && !fits()) past.splice(0, 2);
  }

  #forget(): void {
    this.#past.length = 0;
    this.#isPure = true;
    this.#reported = false;
  }

  #sinceEdge(): number {
    return (this.#step - this.#edge) * STEP_MS;
  }
}
