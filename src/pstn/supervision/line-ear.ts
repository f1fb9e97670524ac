import { silence } from '#media/g711.ts';
import { SAMPLE_RATE } from '#media/tones.ts';
import type { LineCountry } from '#pstn/countries/country.ts';
import { type Heard, NetworkEar } from '#pstn/supervision/network-ear.ts';
import { SilenceWatch } from '#pstn/supervision/silence-watch.ts';

/** What the ear of a call tells: tones of the network, voices, and silence of both sides. */
export type LineHeard = Heard | 'silence';

export interface LineEarOptions {
  readonly country: LineCountry;
  /** Silence of both sides that counts, s; undefined: none does. */
  readonly silenceSeconds: number | undefined;
}

/** What goes to the line is kept for 2.5 s: any tone is known by then. */
const KEPT = 2.5 * SAMPLE_RATE;

/** Our own ear on a call, beside the modem's reports. Sound is mu-law; time is counted in samples. */
export class LineEar {
  readonly #country: LineCountry;
  readonly #network: NetworkEar;
  readonly #silence: SilenceWatch | undefined;
  /** A ring of what was played last. */
  readonly #played = silence(KEPT);
  #at = 0;

  constructor(options: LineEarOptions, report: (heard: LineHeard) => void) {
    const { country, silenceSeconds } = options;
    this.#country = country;
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
    for (let i = 0; i < played.length; i++) {
      this.#played[this.#at] = played[i] ?? 0xff;
      this.#at = (this.#at + 1) % KEPT;
    }
    this.#network.push(heard);
    this.#silence?.push(heard, played);
  }

  /** A tone that goes to the line comes back as an echo, and is no tone of the exchange. It takes some 3 ms to find out, and is seldom asked. */
  #isOwn(heard: Heard): boolean {
    let isPlayed = false;
    const ear = new NetworkEar(this.#country, (own) => {
      if (own === heard) isPlayed = true;
    });
    ear.push(this.#played.subarray(this.#at));
    ear.push(this.#played.subarray(0, this.#at));
    return isPlayed;
  }
}
