import { peakOfDbm0 } from '#media/level.ts';
import type { LineCountry } from '#pstn/countries/country.ts';
import { BurstTracker } from '#pstn/supervision/burst-tracker.ts';
import type { ToneName } from '#pstn/supervision/cadence.ts';
import { SpecialTracker, specialBands } from '#pstn/supervision/special-tracker.ts';
import { familiesOf } from '#pstn/supervision/spectra.ts';
import { ToneBank } from '#pstn/supervision/tone-bank.ts';
import { VoiceTracker } from '#pstn/supervision/voice-tracker.ts';

/** What is heard of a line. */
export type Heard = ToneName | 'special-information' | 'voice';

/** Mean square of the softest tone: -46 dBm0, since one of -40 dBm0 reaches that at its edges. */
const AUDIBLE = peakOfDbm0(-46) ** 2 / 2;

/**
 * Hears the tones of one country's network and voices in mu-law sound, all by what the country's row says. Busy, congestion, special information
 * and dial tone are told once; ringing tone and call waiting at each ring; a voice once for each stretch of it.
 */
export class NetworkEar {
  readonly #bank: ToneBank;
  readonly #trackers: readonly BurstTracker[];
  readonly #special: SpecialTracker;
  readonly #voice: VoiceTracker;

  constructor(country: LineCountry, report: (heard: Heard) => void) {
    const families = familiesOf(country);
    const special = specialBands(country.special);
    this.#bank = new ToneBank([...special, ...families.flatMap(({ bands }) => bands)], AUDIBLE / 16);
    this.#special = new SpecialTracker(country.special, 0, () => report('special-information'));
    let first = special.length;
    this.#trackers = families.map((family) => {
      const tracker = new BurstTracker(family, first, report);
      first += family.bands.length;
      return tracker;
    });
    this.#voice = new VoiceTracker(() => report('voice'));
  }

  /** Milliseconds since a voice was heard; Infinity when there was none. */
  get quietFor(): number {
    return this.#voice.quietFor;
  }

  push(codes: Uint8Array): void {
    for (let i = 0; i < codes.length; i++) if (this.#bank.push(codes[i] ?? 0xff)) this.#look();
  }

  #look(): void {
    const bank = this.#bank;
    const audible = bank.long >= AUDIBLE;
    let isTone = false;
    for (const tracker of this.#trackers) {
      tracker.look(bank, audible);
      if (tracker.matches) isTone = true;
    }
    this.#special.look(bank, audible);
    this.#voice.look(bank.long, isTone || this.#special.matches);
  }
}
