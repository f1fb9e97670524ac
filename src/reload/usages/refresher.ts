import type { Clock, Timer } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import { type Logger, printable } from '#platform/log.ts';

export interface RefresherDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Publishes everything anew; the signal aborts when the refresher stops. */
  readonly publish: (signal: AbortSignal) => Promise<void>;
}

export interface RefresherOptions {
  /** What is published, for the log. */
  readonly name: string;
  /** Milliseconds from one success to the next round. */
  readonly intervalMs: number;
}

const FIRST_RETRY_MS = 2_000;
const LAST_RETRY_MS = 60_000;
/** The part of a lifetime after which records are renewed (RFC 7374 §4.4). */
const REFRESH_PART = 0.9;

/** Milliseconds after which a record of this lifetime is renewed. */
export function refreshInterval(lifetimeSeconds: number): number {
  return lifetimeSeconds * 1000 * REFRESH_PART;
}

/** Keeps something published: again before it expires, and soon again when it failed. */
export class Refresher {
  readonly #deps: RefresherDeps;
  readonly #options: RefresherOptions;
  #stopping = new AbortController();
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #isAskedAgain = false;
  #failures = 0;
  #isPublished = false;

  constructor(deps: RefresherDeps, options: RefresherOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Whether the latest round succeeded. */
  get isPublished(): boolean {
    return this.#isPublished;
  }

  /** Publishes now; resolves when a round that began after this call has ended, in success or in failure. */
  refresh(): Promise<void> {
    if (this.#stopping.signal.aborted) this.#stopping = new AbortController();
    if (this.#running !== undefined) {
      this.#isAskedAgain = true;
      return this.#running;
    }
    this.#running = this.#rounds(this.#stopping.signal).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Ends the round that is going on and begins no other. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#stopping.abort(new Error('publishing was stopped'));
    await this.#running;
    this.#isPublished = false;
  }

  async #rounds(signal: AbortSignal): Promise<void> {
    do {
      this.#isAskedAgain = false;
      this.#timer?.cancel();
      await this.#round(signal);
    } while (this.#isAskedAgain && !signal.aborted);
  }

  async #round(signal: AbortSignal): Promise<void> {
    try {
      await this.#deps.publish(signal);
      this.#failures = 0;
      this.#isPublished = true;
    } catch (thrown) {
      if (signal.aborted) return;
      this.#isPublished = false;
      this.#failures += 1;
      this.#deps.log.warn('a record could not be published; trying again', {
        record: this.#options.name,
        reason: printable(messageOf(thrown)),
      });
    }
    if (!signal.aborted) this.#timer = this.#deps.clock.after(this.#pause(), () => void this.refresh());
  }

  #pause(): number {
    const { intervalMs } = this.#options;
    if (this.#failures === 0) return intervalMs;
    return Math.min(FIRST_RETRY_MS * 2 ** (this.#failures - 1), LAST_RETRY_MS, intervalMs);
  }
}
