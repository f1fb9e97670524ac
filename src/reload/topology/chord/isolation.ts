import { delay } from '#platform/clock.ts';
import { type ChordDeps, jittered } from '#reload/topology/chord/core.ts';
import type { ChordOptions } from '#reload/topology/chord/options.ts';

/** What the way back into the ring needs. */
export interface WayBack {
  join(): Promise<void>;
  /** Whether this peer may be a ring of its own when nobody is found, and is alone. */
  mayStandAlone(): boolean;
  standAlone(): void;
}

/** Judges losses, and brings a peer back that lost the others (RFC 6940 §10.7.1). */
export class Isolation {
  readonly #deps: ChordDeps;
  readonly #options: ChordOptions;
  /** How large the table was before a row of losses began. */
  #losses = { since: 0, sizeBefore: 0 };
  #returning = false;

  constructor(deps: ChordDeps, options: ChordOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  lost(sizeBefore: number): void {
    const since = this.#deps.clock.now();
    if (since - this.#losses.since > this.#options.holdDown) this.#losses = { since, sizeBefore };
  }

  /** A peer that took its leave is no reason to fear for the own connection. */
  left(): void {
    this.#losses = { since: 0, sizeBefore: 0 };
  }

  /**
   * Whether a peer that has nobody left is the overlay's last. Whoever lost many at once rather lost its own connection; two who were a
   * ring, one of which died, are another case, and so is one whose last companion took its leave.
   */
  isLast(): boolean {
    return this.#losses.sizeBefore <= 1;
  }

  /** Joins again, trying until it succeeds or `signal` aborts. Never rejects. */
  async comeBack(way: WayBack, signal: AbortSignal): Promise<void> {
    if (this.#returning || signal.aborted) return;
    this.#returning = true;
    const { clock, random } = this.#deps;
    const { first, max } = this.#options.rejoinBackoff;
    try {
      for (let wait = first; ; wait = Math.min(2 * wait, max)) {
        const joined = await way.join().then(
          () => true,
          () => false,
        );
        if (joined || signal.aborted) break;
        if (way.mayStandAlone()) {
          way.standAlone();
          break;
        }
        await delay(clock, jittered(random, wait), signal);
      }
    } catch {
      // Stopped while waiting.
    } finally {
      this.#returning = false;
    }
  }
}
