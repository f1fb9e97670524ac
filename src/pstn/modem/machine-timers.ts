import type { Clock, Timer } from '#platform/clock.ts';
import type { TimerName } from '#pstn/modem/machine/state.ts';

/** The machine's timers by name: set anew, the former one is forgotten. */
export class MachineTimers {
  readonly #clock: Clock;
  readonly #expired: (timer: TimerName) => void;
  readonly #running = new Map<TimerName, Timer>();

  constructor(clock: Clock, expired: (timer: TimerName) => void) {
    this.#clock = clock;
    this.#expired = expired;
  }

  set(timer: TimerName, ms: number): void {
    this.cancel(timer);
    const handle = this.#clock.after(ms, () => {
      this.#running.delete(timer);
      this.#expired(timer);
    });
    this.#running.set(timer, handle);
  }

  cancel(timer: TimerName): void {
    this.#running.get(timer)?.cancel();
    this.#running.delete(timer);
  }
}
