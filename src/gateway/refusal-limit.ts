import type { Clock } from '#platform/clock.ts';
import { type Logger, printable } from '#platform/log.ts';

/** Records of refused calls that one caller can cause in an hour, and all together: who is refused can ask without end. */
const CALLER_PER_HOUR = 20;
const ALL_PER_HOUR = 100;
const HOUR_MS = 3_600_000;

/** Bounds the records of refused calls, so that they neither wear the card nor push out the records of real ones. */
export class RefusalLimit {
  readonly #deps: { readonly clock: Clock; readonly log: Logger };
  #since = Number.NEGATIVE_INFINITY;
  #all = 0;
  #dropped = 0;
  /** At most `ALL_PER_HOUR` callers, as only counted ones are in it. */
  #byCaller = new Map<string, number>();

  constructor(deps: { readonly clock: Clock; readonly log: Logger }) {
    this.#deps = deps;
  }

  /** Whether a refusal of this caller is still recorded within this hour. */
  takes(caller: string): boolean {
    const now = this.#deps.clock.now();
    if (now >= this.#since + HOUR_MS) this.#begin(now);
    const own = this.#byCaller.get(caller) ?? 0;
    if (own >= CALLER_PER_HOUR || this.#all >= ALL_PER_HOUR) {
      if (this.#dropped++ === 0)
        this.#deps.log.warn('refused calls are no longer recorded', { caller: printable(caller) });
      return false;
    }
    this.#byCaller.set(caller, own + 1);
    this.#all++;
    return true;
  }

  #begin(now: number): void {
    if (this.#dropped > 0) this.#deps.log.warn('refused calls were not recorded', { count: this.#dropped });
    this.#since = now;
    this.#all = 0;
    this.#dropped = 0;
    this.#byCaller = new Map();
  }
}
