import { DtmfDetector } from '#media/dtmf.ts';
import type { LineCountry } from '#pstn/countries/country.ts';
import type { Personality } from '#pstn/emulator/personalities/personality.ts';
import { CallProgressDetector } from '#pstn/supervision/call-progress.ts';

/** A held DTMF key is reported again after so many samples, and its end after so many. */
const KEY_AGAIN = 560;
const KEY_END = 800;

/** Turns what is heard of a line into the codes of ITU-T V.253 table 14: tones of the network and DTMF keys. */
export class LineMonitor {
  readonly #report: (code: string) => void;
  readonly #progress: CallProgressDetector;
  readonly #dtmf: DtmfDetector;
  /** Codes to report when so many samples more have been heard. */
  #later: { left: number; readonly code: string }[] = [];

  constructor(country: LineCountry, personality: Personality, report: (code: string) => void) {
    this.#report = report;
    const { codes, digits } = personality;
    const tone = (name: 'dial' | 'ringback' | 'busy') => {
      const code = codes[name];
      if (code !== undefined) report(code);
    };
    this.#progress = new CallProgressDetector(country, { tone, voice: () => {} });
    this.#dtmf = new DtmfDetector((digit) => {
      if (digits === 'bare') {
        report(digit);
        return;
      }
      // A key is reported between shields, and again while it is held.
      report('/');
      report(digit);
      this.#later.push({ left: KEY_AGAIN, code: digit }, { left: KEY_END, code: '~' });
    });
  }

  push(samples: Uint8Array): void {
    this.#progress.push(samples);
    this.#dtmf.push(samples);
    if (this.#later.length === 0) return;
    for (const entry of this.#later) entry.left -= samples.length;
    for (const entry of this.#later) if (entry.left <= 0) this.#report(entry.code);
    this.#later = this.#later.filter((entry) => entry.left > 0);
  }
}
