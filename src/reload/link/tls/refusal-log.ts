import type { Clock } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import { type Logger, printable } from '#platform/log.ts';
import type { LinkFault } from '#reload/link/link.ts';

/** Lines within one period, in milliseconds. Whoever knocks can make refusals at will. */
const LINES = 20;
const PERIOD = 60_000;

/** Says why links were refused, as an operator has to see it, without letting strangers fill the log. */
export class RefusalLog {
  readonly #clock: Clock;
  readonly #log: Logger;
  #periodStart = 0;
  #lines = 0;

  constructor(deps: { readonly clock: Clock; readonly log: Logger }) {
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  refused(remote: string | undefined, reason: unknown): void {
    const now = this.#clock.now();
    if (now - this.#periodStart >= PERIOD || now < this.#periodStart) {
      if (this.#lines > LINES) this.#log.warn('more links were refused', { count: this.#lines - LINES });
      this.#periodStart = now;
      this.#lines = 0;
    }
    this.#lines++;
    if (this.#lines > LINES) return;
    const fault = reason instanceof Failure ? (reason as Failure<LinkFault>).fault : undefined;
    this.#log.warn('link refused', {
      remote: remote ?? 'unknown',
      reason: fault?.code === 'certificate' ? fault.detail : (fault?.code ?? 'error'),
      detail: printable(messageOf(reason), 400),
    });
  }
}
