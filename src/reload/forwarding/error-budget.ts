import type { Clock } from '#platform/clock.ts';
import type { Link } from '#reload/link/link.ts';

/** Errors a neighbour can cause at once, and per second after that. Each costs a signature. */
const BURST = 20;
const PER_SECOND = 5;

/** Bounds the error answers that forwarding makes for each link, so that broken messages cannot be turned into work. */
export class ErrorBudget {
  readonly #clock: Clock;
  readonly #left = new WeakMap<Link, { tokens: number; at: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** False when the neighbour has had its share for now. */
  spend(link: Link): boolean {
    const now = this.#clock.now();
    const before = this.#left.get(link) ?? { tokens: BURST, at: now };
    const tokens = Math.min(BURST, before.tokens + (Math.max(0, now - before.at) / 1000) * PER_SECOND);
    const allowed = tokens >= 1;
    this.#left.set(link, { tokens: allowed ? tokens - 1 : tokens, at: now });
    return allowed;
  }
}
