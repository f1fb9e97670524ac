import type { Acquaintance } from '#reload/topology/chord/acquaintance.ts';
import type { ChordCore } from '#reload/topology/chord/core.ts';
import type { ReceivedUpdates } from '#reload/topology/chord/received-updates.ts';
import { shareOfRing, within } from '#reload/topology/chord/ring.ts';
import type { NodeId } from '#reload/wire/ids.ts';

/** Where the part of the ring begins that this peer answers for (RFC 6940 §10.1). */
export class OwnRange {
  readonly #core: ChordCore;
  readonly #acquaintance: Acquaintance;
  readonly #received: ReceivedUpdates;
  /** The predecessor that the Admitting Peer named, until it is linked. */
  #foreseen: NodeId | undefined;

  constructor(core: ChordCore, acquaintance: Acquaintance, received: ReceivedUpdates) {
    this.#core = core;
    this.#acquaintance = acquaintance;
    this.#received = received;
  }

  /** Until the predecessor that the Admitting Peer knows is linked, or out of reach, its range is not this peer's. */
  foresee(predecessor: NodeId, learnedFrom: NodeId): void {
    if (this.#acquaintance.isAvoided(predecessor)) return;
    this.#foreseen = predecessor;
    void this.#acquaintance.attach(predecessor, learnedFrom).then(async (reached) => {
      if (reached) await this.#received.of(predecessor, this.#core.options.suspicionTimeout);
      if (this.#foreseen === predecessor) this.#foreseen = undefined;
    });
  }

  /** The range is (start, self]. */
  get start(): NodeId {
    const { self } = this.#core.table;
    const known = this.#core.table.predecessor() ?? self;
    if (this.#foreseen === undefined || known === this.#foreseen) return known;
    return within(this.#foreseen, known, self) ? this.#foreseen : known;
  }

  /** What Probe tells of this peer (RFC 6940 §6.4.2.5). */
  probed() {
    const { deps, table } = this.#core;
    const share = this.#core.joined() ? shareOfRing(this.start, table.self) : 0;
    return { share, resources: deps.countResources(), uptime: this.#core.uptime() };
  }
}
