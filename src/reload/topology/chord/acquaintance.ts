import type { Timer } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import type { ChordCore } from '#reload/topology/chord/core.ts';
import { neighboursOf, type ReceivedUpdates } from '#reload/topology/chord/received-updates.ts';
import { isPeerOf } from '#reload/topology/chord/ring.ts';
import { type Destination, nodeDestination } from '#reload/wire/destination.ts';
import type { NodeId } from '#reload/wire/ids.ts';

/** Attaches under way at a time on hearsay. */
const PARALLEL = 8;
const MAX_REMEMBERED = 256;
/** Wait after the first Attach to a node that failed, in milliseconds; doubles with each further one. Two Attaches that crossed get over it soon. */
const FIRST_WAIT = 1000;
/** Wait after a link broke, in milliseconds. */
const REST = 5000;
/** The longest wait is reached long before. */
const MAX_DOUBLINGS = 16;

/** Attaches to peers that others' Updates name and that belong among the neighbours (RFC 6940 §10.7.3). */
export class Acquaintance {
  readonly #core: ChordCore;
  readonly #received: ReceivedUpdates;
  readonly #underway = new Set<NodeId>();
  /** Until when a node is not tried again, and how often in a row it was tried in vain. */
  readonly #unreachable = new Map<NodeId, { readonly until: number; readonly failures: number }>();
  readonly #stopped = new AbortController();
  #retry: Timer | undefined;

  constructor(core: ChordCore, received: ReceivedUpdates) {
    this.#core = core;
    this.#received = received;
  }

  /**
   * Looks through the last Updates of the neighbours again: after a change, some time after a failure, and every so often, since a link
   * that came up may have broken before its other end said that it is a peer. No new Update may come for long.
   */
  reconsider(): void {
    if (!this.#core.joined()) return;
    const { predecessors, successors } = this.#core.table.neighbours();
    for (const node of new Set([...successors, ...predecessors])) {
      const update = this.#received.latest(node);
      if (update !== undefined) this.consider(neighboursOf(update), node);
    }
  }

  /** Looks through nodes that `learnedFrom` knows; the Attaches are source-routed over it (RFC 6940 §10.6). */
  consider(nodes: readonly NodeId[], learnedFrom?: NodeId): void {
    const { table } = this.#core;
    const fresh = nodes.filter((node) => this.#isWorthTrying(node));
    if (fresh.length === 0) return;
    const { predecessors, successors } = table.neighboursWith(fresh);
    for (const node of new Set([...successors, ...predecessors])) {
      if (!table.has(node) && this.#underway.size < PARALLEL) void this.attach(node, learnedFrom);
    }
  }

  /** Resolves with whether a link to the node came up. */
  async attach(node: NodeId, learnedFrom?: NodeId): Promise<boolean> {
    const { deps } = this.#core;
    if (this.#underway.has(node)) return false;
    this.#underway.add(node);
    // Who is linked but has not said yet that it is a peer is asked over that link.
    const over = [node, learnedFrom].find((hop) => hop !== undefined && deps.links.get(hop) !== undefined);
    const destination: Destination[] = [nodeDestination(node)];
    if (over !== undefined && over !== node) destination.unshift(nodeDestination(over));
    try {
      await deps.attacher.attach(destination, {
        sendUpdate: true,
        signal: this.#stopped.signal,
        ...(over === undefined ? {} : { firstHop: over }),
      });
      return true;
    } catch (error) {
      this.#failed(node);
      deps.log.debug('peer not reached', { node, why: messageOf(error) });
      return false;
    } finally {
      this.#underway.delete(node);
    }
  }

  /** Does not try the node again for a while: others may name it long after it is gone. */
  avoid(node: NodeId): void {
    this.#avoidFor(this.#core.options.unreachableFor, node, 0);
  }

  /** The link to the node broke. If it lives, others go on naming it, and it is tried again soon; if not, they will have noticed by then. */
  rest(node: NodeId): void {
    if (!this.isAvoided(node)) this.#avoidFor(REST, node, 0);
  }

  isAvoided(node: NodeId): boolean {
    return (this.#unreachable.get(node)?.until ?? 0) > this.#core.deps.clock.now();
  }

  /** The node showed itself. */
  welcome(node: NodeId): void {
    this.#unreachable.delete(node);
  }

  stop(): void {
    this.#retry?.cancel();
    this.#stopped.abort();
  }

  #failed(node: NodeId): void {
    const failures = (this.#unreachable.get(node)?.failures ?? 0) + 1;
    const wait = FIRST_WAIT * 2 ** Math.min(failures - 1, MAX_DOUBLINGS);
    this.#avoidFor(Math.min(wait, this.#core.options.unreachableFor), node, failures);
  }

  #avoidFor(ms: number, node: NodeId, failures: number): void {
    const { clock } = this.#core.deps;
    if (this.#unreachable.size >= MAX_REMEMBERED) this.#unreachable.clear();
    const until = clock.now() + ms;
    this.#unreachable.set(node, { until, failures });
    this.#schedule();
  }

  /** No new Update may come for long, so the old ones are looked through again when the first wait ends. */
  #schedule(): void {
    const { clock } = this.#core.deps;
    this.#retry?.cancel();
    this.#retry = undefined;
    const now = clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const { until } of this.#unreachable.values()) if (until > now) next = Math.min(next, until);
    if (next === Number.POSITIVE_INFINITY || this.#stopped.signal.aborted) return;
    this.#retry = clock.after(next - now, () => {
      this.reconsider();
      this.#schedule();
    });
  }

  #isWorthTrying(node: NodeId): boolean {
    const { deps, table } = this.#core;
    if (!isPeerOf(table.self, node) || table.has(node) || this.#underway.has(node)) return false;
    return !deps.configuration.current.badNodes.includes(node) && !this.isAvoided(node);
  }
}
