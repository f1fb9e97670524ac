import type { Timer } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import { randomBelow } from '#platform/random.ts';
import type { ChordCore } from '#reload/topology/chord/core.ts';
import type { Neighbours } from '#reload/topology/chord/routing-table.ts';
import { encode } from '#reload/wire/codec.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination } from '#reload/wire/destination.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { type ChordUpdate, chordUpdate } from '#reload/wire/update.ts';

export type UpdateType = ChordUpdate['type'];

/** Sends Updates (RFC 6940 §10.7): one for several changes, and none that says what the neighbour was told before. */
export class Updates {
  readonly #core: ChordCore;
  /** What each node was told last, without the uptime. */
  readonly #told = new Map<NodeId, string>();
  #timer: Timer | undefined;
  #everyone = false;

  constructor(core: ChordCore) {
    this.#core = core;
  }

  /** After a change of the table; `everyone` when the own range changed, clients included (RFC 6940 §10.7.1, §10.7.3). */
  schedule(everyone: boolean): void {
    this.#everyone ||= everyone;
    const { deps, options } = this.#core;
    const { min, max } = options.coalesce;
    this.#timer ??= deps.clock.after(min + randomBelow(deps.random, max - min + 1), () => this.flush());
  }

  /** To a peer that entered the table. With reactive recovery a new neighbour hears it with the others (RFC 6940 §10.7.3). */
  greet(peer: NodeId): void {
    const { deps, table } = this.#core;
    const isReactive = deps.configuration.current.chordReactive;
    if (isReactive && !table.isNeighbour(peer)) this.schedule(false);
    else if (!isReactive && !this.#told.has(peer)) void this.send(peer, this.typeFor(peer));
  }

  /** Sends what is due now. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const everyone = this.#everyone;
    this.#everyone = false;
    const { deps } = this.#core;
    if (!this.#core.joined()) return;
    for (const node of deps.links.nodes()) {
      const type = this.typeFor(node);
      const isNews = this.#told.get(node) !== this.#content(type);
      if (isNews || (everyone && type === 'peer_ready')) void this.send(node, type);
    }
  }

  /** Non-neighbours learn that this is a peer; neighbours, and clients that have to follow their place, learn the tables. */
  typeFor(node: NodeId): UpdateType {
    const { table } = this.#core;
    const { predecessors, successors } = table.neighboursWith([node]);
    const isNear = predecessors.includes(node) || successors.includes(node);
    return isNear || !table.has(node) ? 'neighbors' : 'peer_ready';
  }

  /** Resolves with whether the node took it. */
  async send(to: NodeId, type: UpdateType, neighbours: Neighbours = this.#core.table.neighbours()): Promise<boolean> {
    const { deps } = this.#core;
    this.#told.set(to, this.#content(type, neighbours));
    try {
      await deps.exchange.request({
        destination: [nodeDestination(to)],
        code: MessageCode.updateReq,
        body: encode(chordUpdate, this.#update(type, neighbours)),
        firstHop: to,
      });
      return true;
    } catch (error) {
      this.#told.delete(to);
      deps.log.debug('update not taken', { to, type, why: messageOf(error) });
      return false;
    }
  }

  forget(node: NodeId): void {
    this.#told.delete(node);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #update(type: UpdateType, { predecessors, successors }: Neighbours): ChordUpdate {
    const uptime = this.#core.uptime();
    if (type === 'peer_ready') return { uptime, type };
    if (type === 'neighbors') return { uptime, type, predecessors, successors };
    return { uptime, type, predecessors, successors, fingers: this.#core.table.fingers() };
  }

  #content(type: UpdateType, { predecessors, successors } = this.#core.table.neighbours()): string {
    // A full Update tells all that a neighbors Update would.
    if (type === 'peer_ready') return type;
    return `${predecessors.join()};${successors.join()}`;
  }
}
