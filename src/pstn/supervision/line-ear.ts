import { SAMPLE_RATE } from '#media/tones.ts';
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

/** A tone that goes to the line comes back as an echo within this time, and is no tone of the exchange. */
const OWN_TONE = 2 * SAMPLE_RATE;

/** Our own ear on a call, beside the modem's reports. Sound is mu-law; time is counted in samples. */
export class LineEar {
  readonly #network: NetworkEar;
  readonly #own: NetworkEar;
  readonly #silence: SilenceWatch | undefined;
  /** When the tones were last heard that we play ourselves. */
  readonly #ownAt = new Map<Heard, number>();
  #samples = 0;

  constructor(options: LineEarOptions, report: (heard: LineHeard) => void) {
    const { country, silenceSeconds } = options;
    this.#own = new NetworkEar(country, (heard) => this.#ownAt.set(heard, this.#samples));
    this.#network = new NetworkEar(country, (heard) => {
      if (heard === 'voice' || !this.#isOwn(heard)) report(heard);
    });
    this.#silence =
      silenceSeconds === undefined ? undefined : new SilenceWatch(silenceSeconds, () => report('silence'));
  }

  /** Milliseconds since a voice came from the line; Infinity when none did. */
  get quietFor(): number {
    return this.#network.quietFor;
  }

  /** A piece of the call: what came from the line and what goes to it, equally long. */
  push(heard: Uint8Array, played: Uint8Array): void {
    this.#samples += heard.length;
    this.#own.push(played);
    this.#network.push(heard);
    this.#silence?.push(heard, played);
  }

  #isOwn(heard: Heard): boolean {
    const at = this.#ownAt.get(heard);
    return at !== undefined && this.#samples - at <= OWN_TONE;
  }
}
