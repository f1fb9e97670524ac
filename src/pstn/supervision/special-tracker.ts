import type { SpecialTone } from '#pstn/countries/country.ts';
import { type Band, STEP_MS, type ToneBank } from '#pstn/supervision/tone-bank.ts';

/** E.180 §8: each frequency may be 50 Hz off, each of the three lasts 330 ms within 70, and no pause is longer than 30 ms. */
const OFF_HZ = 50;
/** As exactly as frequencies are measured in a short window, and 1.5 % of 1800 Hz beyond the clause. */
const MORE_HZ = 30;
const SHARE = 0.7;
/** North America has a short kind of 274 ms; edges blur by some 20 ms. */
const SHORTEST = 220 / STEP_MS;
const LONGEST = 450 / STEP_MS;
const PAUSE = 70 / STEP_MS;
/** Of the third tone so much is enough. */
const THIRD = 120 / STEP_MS;

/** The bands that the tracker looks at. */
export function specialBands(special: SpecialTone): readonly Band[] {
  return special.frequencies.map((frequency) => ({
    from: frequency - OFF_HZ,
    to: frequency + OFF_HZ,
    window: 'short',
  }));
}

/** Hears the special information tone: three tones in their order. */
export class SpecialTracker {
  /** Whether the newest step is one of the three; what goes on for longer than they do is something else. */
  matches = false;
  readonly #special: SpecialTone;
  readonly #firstBand: number;
  readonly #report: () => void;
  #part = 0;
  #run = 0;
  #missing = 0;
  #lasts = 0;

  constructor(special: SpecialTone, firstBand: number, report: () => void) {
    this.#special = special;
    this.#firstBand = firstBand;
    this.#report = report;
  }

  look(bank: ToneBank, audible: boolean): void {
    const part = audible ? this.#heard(bank) : undefined;
    this.#lasts = part === undefined ? 0 : this.#lasts + 1;
    this.matches = part !== undefined && this.#lasts <= 3 * LONGEST;
    if (part === this.#part) {
      this.#run++;
      this.#missing = 0;
      if (this.#part < 2 || this.#run < THIRD) return;
      this.#report();
      this.#restart();
    } else if (part === this.#part + 1 && this.#run >= SHORTEST && this.#run <= LONGEST) {
      this.#part++;
      this.#run = 1;
      this.#missing = 0;
    } else if (this.#run > 0 && ++this.#missing > PAUSE) this.#restart();
  }

  #heard(bank: ToneBank): number | undefined {
    for (let i = 0; i < 3; i++) {
      if ((bank.power[this.#firstBand + i] ?? 0) < bank.short * SHARE) continue;
      const off = Math.abs((bank.frequency[this.#firstBand + i] ?? 0) - (this.#special.frequencies[i] ?? 0));
      if (off <= OFF_HZ + MORE_HZ) return i;
    }
    return undefined;
  }

  #restart(): void {
    this.#part = 0;
    this.#run = 0;
    this.#missing = 0;
  }
}
