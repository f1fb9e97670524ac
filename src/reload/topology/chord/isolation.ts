import { delay } from '#platform/clock.ts';
import { type ChordDeps, jittered } from '#reload/topology/chord/core.ts';
import type { ChordOptions } from '#reload/topology/chord/options.ts';
import type { Neighbours } from '#reload/topology/chord/routing-table.ts';
import type { NodeId } from '#reload/wire/ids.ts';

const NOBODY: Neighbours = { predecessors: [], successors: [] };

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
  /** Neighbours before a row of losses began. */
  #losses: { readonly since: number; readonly before: Neighbours } = { since: 0, before: NOBODY };
  #returning = false;
  #seeking = false;

  constructor(deps: ChordDeps, options: ChordOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** To be told of each peer that is lost, with the neighbours before. */
  lost(before: Neighbours): void {
    const since = this.#deps.clock.now();
    if (since - this.#losses.since > this.#options.holdDown) this.#losses = { since, before };
  }

  /** A peer that took its leave is no reason to fear for the own connection. */
  left(): void {
    this.#losses = { since: 0, before: NOBODY };
  }

  /**
   * Whether a whole side of neighbours went within the hold-down. So many do not die at once: rather this peer was cut off, and what it
   * would take for its range now belongs to others. Two who were a ring, one of which died, are another case.
   */
  isCutOff(isPeer: (node: NodeId) => boolean): boolean {
    const { predecessors, successors } = this.#losses.before;
    const isGone = (side: readonly NodeId[]) => side.length > 1 && !side.some(isPeer);
    return isGone(predecessors) || isGone(successors);
  }

  get isSeeking(): boolean {
    return this.#seeking;
  }

  /** Looks for others until there are some. Never rejects. */
  async seek(
    search: { readonly isAlone: () => boolean; readonly look: () => Promise<void> },
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#seeking || signal.aborted) return;
    this.#seeking = true;
    const { clock, random, log } = this.#deps;
    const { first, max } = this.#options.rejoinBackoff;
    log.warn('disconnected: no peer is left');
    try {
      for (let wait = first; search.isAlone(); wait = Math.min(2 * wait, max)) {
        await search.look();
        await delay(clock, jittered(random, wait), signal);
      }
    } catch {
      // Stopped while waiting.
    } finally {
      this.#seeking = false;
    }
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
