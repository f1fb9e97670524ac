import type { Clock } from '#platform/clock.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import type { ChordUpdate } from '#reload/wire/update.ts';

/** The latest Update of each linked node, and a way to wait for one. */
export class ReceivedUpdates {
  readonly #clock: Clock;
  readonly #latest = new Map<NodeId, ChordUpdate>();
  readonly #waiting = new Map<NodeId, Set<(update: ChordUpdate | undefined) => void>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  take(from: NodeId, update: ChordUpdate): void {
    // A peer_ready says nothing new of a node whose tables are known.
    if (update.type !== 'peer_ready' || !this.#latest.has(from)) this.#latest.set(from, update);
    this.#tell(from, update);
  }

  /** The link is gone, and with it what the node said. */
  forget(from: NodeId): void {
    this.#latest.delete(from);
    this.#tell(from, undefined);
  }

  latest(from: NodeId): ChordUpdate | undefined {
    return this.#latest.get(from);
  }

  /** The last Update of the node, or the next one; undefined when none comes within `ms` or the link breaks. */
  async of(from: NodeId, ms: number): Promise<ChordUpdate | undefined> {
    const known = this.#latest.get(from);
    if (known !== undefined) return known;
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(from) ?? new Set();
      this.#waiting.set(from, waiting);
      const settle = (update: ChordUpdate | undefined) => {
        timer.cancel();
        waiting.delete(settle);
        resolve(update);
      };
      const timer = this.#clock.after(ms, () => settle(undefined));
      waiting.add(settle);
    });
  }

  #tell(from: NodeId, update: ChordUpdate | undefined): void {
    for (const settle of this.#waiting.get(from) ?? []) settle(update);
    this.#waiting.delete(from);
  }
}

/** The neighbours that an Update names: its sender tells when they change, as it does not of fingers. */
export function neighboursOf(update: ChordUpdate): readonly NodeId[] {
  return update.type === 'peer_ready' ? [] : [...update.predecessors, ...update.successors];
}

/** Every node that an Update names. */
export function nodesOf(update: ChordUpdate): readonly NodeId[] {
  return update.type === 'full' ? [...neighboursOf(update), ...update.fingers] : neighboursOf(update);
}
