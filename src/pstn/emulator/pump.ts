import type { Clock, Timer } from '#platform/clock.ts';

export interface PumpOptions {
  /** How much faster the modem's sample clock runs than this host's, in parts per million; negative for slower. */
  readonly skewPpm: number;
  /** Every `stallEveryMs` the pump stands still for so long and catches up. 0: never. */
  readonly stallMs: number;
  readonly stallEveryMs: number;
}

const TICK_MS = 20;
const SLICE = 160;
/** After a longer stop, as of a suspended process, the rest is skipped. */
const MAX_CATCH_UP = 8000 * 5;

/**
 * Paces a line at exactly 8000 samples a second by counting: what is due follows from the time since the start, so
 * late timers shift nothing.
 */
export class Pump {
  readonly #clock: Clock;
  readonly #options: PumpOptions;
  readonly #run: (samples: number) => void;
  #timer: Timer | undefined;
  #begun = 0;
  #done = 0;
  #nextStall = 0;

  constructor(clock: Clock, options: PumpOptions, run: (samples: number) => void) {
    this.#clock = clock;
    this.#options = options;
    this.#run = run;
  }

  start(): void {
    if (this.#timer) return;
    this.#begun = this.#clock.now();
    this.#done = 0;
    this.#nextStall = this.#begun + this.#options.stallEveryMs;
    this.#schedule(TICK_MS);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #schedule(ms: number): void {
    this.#timer = this.#clock.after(ms, () => this.#tick());
  }

  #tick(): void {
    const rate = 8 * (1 + this.#options.skewPpm / 1e6);
    const due = Math.floor((this.#clock.now() - this.#begun) * rate) - this.#done;
    this.#done += due;
    let left = Math.min(due, MAX_CATCH_UP);
    while (left > 0 && this.#timer) {
      const slice = Math.min(SLICE, left);
      left -= slice;
      this.#run(slice);
    }
    if (!this.#timer) return;
    const stall = this.#options.stallMs > 0 && this.#clock.now() >= this.#nextStall;
    if (stall) this.#nextStall += this.#options.stallEveryMs;
    this.#schedule(stall ? this.#options.stallMs : TICK_MS);
  }
}
