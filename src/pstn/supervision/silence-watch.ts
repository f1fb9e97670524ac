import { linearOf } from '#media/g711.ts';
import { SAMPLE_RATE } from '#media/tones.ts';
import { STEP } from '#pstn/supervision/tone-bank.ts';
import { VoiceTracker } from '#pstn/supervision/voice-tracker.ts';

/** A soft voice counts too, below what is taken for an answer. */
const AUDIBLE_DBM0 = -50;

/** Notices that neither side of a call has said anything for so long. Noise that goes on and on counts as nothing. */
export class SilenceWatch {
  readonly #limit: number;
  readonly #report: () => void;
  readonly #sides = [new VoiceTracker(() => {}, AUDIBLE_DBM0), new VoiceTracker(() => {}, AUDIBLE_DBM0)] as const;
  readonly #energies = [0, 0];
  #samples = 0;
  #told = false;

  constructor(seconds: number, report: () => void) {
    this.#limit = seconds * SAMPLE_RATE;
    this.#report = report;
  }

  push(heard: Uint8Array, played: Uint8Array): void {
    for (let i = 0; i < heard.length; i++) {
      this.#energies[0] = (this.#energies[0] ?? 0) + linearOf(heard[i] ?? 0xff) ** 2;
      this.#energies[1] = (this.#energies[1] ?? 0) + linearOf(played[i] ?? 0xff) ** 2;
      if (++this.#samples % STEP === 0) this.#look();
    }
  }

  #look(): void {
    const [heard, played] = this.#sides;
    heard.look((this.#energies[0] ?? 0) / STEP, false);
    played.look((this.#energies[1] ?? 0) / STEP, false);
    this.#energies.fill(0);
    const quietFor = Math.min(heard.quietFor, played.quietFor, (this.#samples * 1000) / SAMPLE_RATE);
    const isQuiet = quietFor * (SAMPLE_RATE / 1000) >= this.#limit;
    if (isQuiet && !this.#told) this.#report();
    this.#told = isQuiet;
  }
}
