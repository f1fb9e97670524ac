import type { Clock, Timer } from '#platform/clock.ts';

/** Timers that end together. */
export class TimerSet {
  readonly #clock: Clock;
  readonly #timers = new Set<Timer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  after(ms: number, act: () => void): void {
    const timer = this.#clock.after(ms, () => {
      this.#timers.delete(timer);
      act();
    });
    this.#timers.add(timer);
  }

  cancel(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }
}
