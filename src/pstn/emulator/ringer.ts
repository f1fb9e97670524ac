import type { Clock } from '#platform/clock.ts';
import { callerIdSound } from '#pstn/caller-id/sound.ts';
import type { LineCountry } from '#pstn/countries/country.ts';
import { firstRing } from '#pstn/countries.ts';
import type { LoopListener } from '#pstn/emulator/loop.ts';
import type { RingCallerId } from '#pstn/emulator/number-plan.ts';
import type { TimerSet } from '#pstn/emulator/timer-set.ts';

const ID_BEFORE_RING_MS = 300;
const ID_AFTER_RING_MS = 500;

/** Rings a line with the cadence of its country until its timers are cancelled, with the caller ID where the country has it. */
export class Ringer {
  readonly #clock: Clock;
  readonly #timers: TimerSet;
  readonly #country: LineCountry;
  readonly #play: (sound: Uint8Array) => void;

  /** `play` puts sound on the pair, for those who listen to it on hook. */
  constructor(
    deps: { readonly clock: Clock; readonly timers: TimerSet; readonly play: (sound: Uint8Array) => void },
    country: LineCountry,
  ) {
    this.#clock = deps.clock;
    this.#timers = deps.timers;
    this.#country = country;
    this.#play = deps.play;
  }

  start(line: LoopListener, callerId: RingCallerId | undefined): void {
    const { callerId: when } = this.#country;
    const tell = () => {
      if (callerId === undefined) return;
      const block = { ...this.#dateAndTime(), ...callerId };
      line.callerId(block);
      this.#play(callerIdSound(this.#country.callerIdBy, block));
    };
    if (when === 'before-ring' && callerId) {
      tell();
      this.#timers.after(ID_BEFORE_RING_MS, () => this.#burst(line, 0));
      return;
    }
    this.#timers.after(firstRing(this.#country.ringing).ms + ID_AFTER_RING_MS, tell);
    this.#burst(line, 0);
  }

  /** One burst of ringing current, the pause behind it, and so on. */
  #burst(line: LoopListener, index: number): void {
    const { ringing } = this.#country;
    line.ring(true);
    this.#timers.after(ringing[index] ?? 0, () => {
      line.ring(false);
      this.#timers.after(ringing[index + 1] ?? 0, () => this.#burst(line, (index + 2) % ringing.length));
    });
  }

  /** As the caller ID block has them: MMDD and HHMM. */
  #dateAndTime(): { readonly date: string; readonly time: string } {
    const [date = '', time = ''] = new Date(this.#clock.now()).toISOString().split('T');
    return { date: date.slice(5).replace('-', ''), time: time.slice(0, 5).replace(':', '') };
  }
}
