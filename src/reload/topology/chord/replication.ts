import type { Timer } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import { type Change, type ChordCore, jittered } from '#reload/topology/chord/core.ts';
import type { Homecoming } from '#reload/topology/chord/homecoming.ts';
import { type Section, within } from '#reload/topology/chord/ring.ts';
import { REPLICAS } from '#reload/topology/chord/routing-table.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';

interface Lack {
  readonly sections: readonly Section[];
  /** When the copies may leave, milliseconds since 1970. */
  readonly notBefore: number;
}

/** The wait between attempts grows up to 2^6 times the first. */
const MAX_DOUBLINGS = 6;

/**
 * Keeps two copies of what this peer is responsible for at its first two successors (RFC 6940 §10.4, §10.7.3): says which nodes
 * lack which part, copies it to them, and drops what this peer holds for nobody any more. After a loss all of it waits for
 * the hold-down (§10.7.1).
 */
export class Replication {
  readonly #core: ChordCore;
  readonly #homecoming: Homecoming;
  #after: NodeId;
  #members: readonly NodeId[] = [];
  /** What each successor still lacks. */
  readonly #lacking = new Map<NodeId, Lack>();
  /** How often in a row copies to a node were not all taken. */
  readonly #failures = new Map<NodeId, number>();
  #timer: Timer | undefined;
  #dropTimer: Timer | undefined;
  #working = false;

  constructor(core: ChordCore, homecoming: Homecoming) {
    this.#core = core;
    this.#homecoming = homecoming;
    this.#after = core.table.self;
  }

  /** The part of the ring that this peer answers for begins after this node. */
  begin(after: NodeId): void {
    this.#after = after;
    this.#members = [];
    this.#lacking.clear();
    this.#failures.clear();
  }

  /** To be told after every change of the table while this node is a peer. */
  changed(change: Change): void {
    const { table, options, deps } = this.#core;
    const after = table.predecessor() ?? table.self;
    const members = table.peers().slice(0, REPLICAS);
    const notBefore = deps.clock.now() + (change.type === 'lost' ? options.holdDown : options.coalesce.max);
    for (const node of this.#members) if (!members.includes(node)) this.#lacking.delete(node);
    if (after !== this.#after) this.#moved(change, after, { members, notBefore });
    const sections: Section[] = [{ after, upTo: table.self }];
    for (const node of members) if (!this.#members.includes(node)) this.#lacking.set(node, { sections, notBefore });
    this.#after = after;
    this.#members = members;
    this.#schedule();
    this.#scheduleDrop();
  }

  /** Records came home that the successors may not have. */
  refresh(): void {
    const { options, deps } = this.#core;
    const sections: Section[] = [{ after: this.#after, upTo: this.#core.table.self }];
    for (const node of this.#members) {
      this.#lacking.set(node, { sections, notBefore: deps.clock.now() + options.copyRetry });
    }
    this.#schedule();
  }

  /** A successor that was out of touch may have missed Stores. */
  missed(node: NodeId): void {
    const { table, options, deps } = this.#core;
    if (!this.#members.includes(node)) return;
    const sections: Section[] = [{ after: this.#after, upTo: table.self }];
    this.#lacking.set(node, { sections, notBefore: deps.clock.now() + options.coalesce.max });
    this.#schedule();
  }

  /** Copies all that this peer answers for to its successors, whatever they have: before it leaves. */
  async copyOut(): Promise<void> {
    const own: Section = { after: this.#after, upTo: this.#core.table.self };
    await Promise.all(this.#members.map((node) => this.#copy(node, [own])));
  }

  stop(): void {
    this.#timer?.cancel();
    this.#dropTimer?.cancel();
    this.#lacking.clear();
  }

  #moved(
    change: Change,
    after: NodeId,
    { members, notBefore }: { readonly members: readonly NodeId[]; readonly notBefore: number },
  ): void {
    const { self } = this.#core.table;
    const grew = after === self || !within(after, this.#after, self);
    if (grew) {
      // The records of the peer that is gone: this peer has a copy, its successors may not.
      for (const node of members) this.#add(node, { after, upTo: this.#after }, notBefore);
      return;
    }
    // RFC 6940 §6.4.2.3: the new owners get what they answer for now. When this peer admitted the one there is, it has that already.
    if (change.type === 'gained' && change.admitted === true) return;
    this.#homecoming.add({ after: this.#after, upTo: after });
  }

  #add(node: NodeId, section: Section, notBefore: number): void {
    const known = this.#lacking.get(node);
    const sections = [...(known?.sections ?? []), section];
    this.#lacking.set(node, { sections, notBefore: Math.max(notBefore, known?.notBefore ?? 0) });
  }

  #schedule(): void {
    const { clock } = this.#core.deps;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#lacking.size === 0 || this.#working) return;
    const due = Math.min(...[...this.#lacking.values()].map(({ notBefore }) => notBefore));
    this.#timer = clock.after(Math.max(0, due - clock.now()), () => void this.#work());
  }

  async #work(): Promise<void> {
    const now = this.#core.deps.clock.now();
    const due = [...this.#lacking].filter(([, { notBefore }]) => notBefore <= now);
    for (const [node] of due) this.#lacking.delete(node);
    this.#working = true;
    await Promise.all(due.map(([node, { sections }]) => this.#copy(node, sections)));
    this.#working = false;
    this.#schedule();
  }

  async #copy(node: NodeId, sections: readonly Section[]): Promise<void> {
    const { deps, table, options } = this.#core;
    if (!table.has(node)) return;
    const belongs = (resource: ResourceId) => sections.some(({ after, upTo }) => within(resource, after, upTo));
    let complete = false;
    try {
      complete = await deps.handover.copyTo(node, belongs);
    } catch (error) {
      deps.log.warn('copies not made', { node, why: messageOf(error) });
    }
    // Perhaps the node does not know yet that it is to hold them: its own Updates may be on their way.
    const failures = complete || !this.#members.includes(node) ? 0 : (this.#failures.get(node) ?? 0) + 1;
    if (failures === 0) this.#failures.delete(node);
    if (failures === 0 || !table.has(node) || !this.#core.joined()) return;
    this.#failures.set(node, failures);
    const wait = options.copyRetry * 2 ** Math.min(failures - 1, MAX_DOUBLINGS);
    const notBefore = deps.clock.now() + jittered(deps.random, wait);
    for (const section of sections) this.#add(node, section, notBefore);
  }

  /** RFC 6940 §10.7.3: what lies beyond three predecessors is nobody's replica here. */
  #scheduleDrop(): void {
    const { deps, options, table } = this.#core;
    this.#dropTimer?.cancel();
    this.#dropTimer = deps.clock.after(2 * options.holdDown, () => {
      if (this.#homecoming.pending) {
        this.#scheduleDrop();
        return;
      }
      deps.handover
        .drop((resource) => table.isBeyondReplicas(resource))
        .catch((error: unknown) => deps.log.warn('old copies not dropped', { why: messageOf(error) }));
    });
  }
}
