import { silence } from '#media/g711.ts';
import type { Clock } from '#platform/clock.ts';
import type { SoundSource } from '#pstn/emulator/sound-source.ts';

/** What the exchange sends on a pair that is on hook. It passes whether anybody listens or not: who comes late hears the rest. */
export class PairSound implements SoundSource {
  readonly #clock: Clock;
  #sound = new Uint8Array(0);
  #begun = 0;
  #at: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  play(sound: Uint8Array): void {
    this.#sound = sound.slice();
    this.#begun = this.#clock.now();
    this.#at = undefined;
  }

  next(count: number): Uint8Array {
    this.#at ??= Math.round((this.#clock.now() - this.#begun) * 8);
    const out = silence(count);
    out.set(this.#sound.subarray(this.#at, this.#at + count));
    this.#at += count;
    return out;
  }
}
