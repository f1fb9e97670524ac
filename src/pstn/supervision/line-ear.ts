import type { LineCountry } from '#pstn/countries.ts';
import { type Heard, NetworkEar } from '#pstn/supervision/network-ear.ts';
import { SilenceWatch } from '#pstn/supervision/silence-watch.ts';

/** What the ear of a call tells: tones of the network, voices, and silence of both sides. */
export type LineHeard = Heard | 'silence';

export interface LineEarOptions {
  readonly country: LineCountry;
  /** Silence of both sides that counts, s; undefined: none does. */
  readonly silenceSeconds: number | undefined;
}

/** Our own ear on a call, beside the modem's reports. Sound is mu-law; time is counted in samples. */
export class LineEar {
  readonly #network: NetworkEar;
  readonly #silence: SilenceWatch | undefined;

  constructor(options: LineEarOptions, report: (heard: LineHeard) => void) {
    this.#network = new NetworkEar(options.country, report);
    const { silenceSeconds } = options;
    this.#silence =
      silenceSeconds === undefined ? undefined : new SilenceWatch(silenceSeconds, () => report('silence'));
  }

  /** Milliseconds since a voice came from the line; Infinity when none did. */
  get quietFor(): number {
    return this.#network.quietFor;
  }

  /** A piece of the call: what came from the line and what goes to it, equally long. */
  push(heard: Uint8Array, played: Uint8Array): void {
    this.#network.push(heard);
    this.#silence?.push(heard, played);
  }
}
