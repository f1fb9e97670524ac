import type { Clock } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import { OpaqueSlots } from '#reload/forwarding/opaque-slots.ts';
import type { Link, LinkFault } from '#reload/link/link.ts';
import type { NodeId } from '#reload/wire/ids.ts';

export interface LinkTableObserver {
  up(nodeId: NodeId): void;
  down(nodeId: NodeId, reason: Failure<LinkFault>): void;
  /** RFC 6940 §6.6.5: take the node out of the Routing Table (true), or put it back (false). */
  suspect(nodeId: NodeId, suspected: boolean): void;
}

export interface LinkTableDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Takes every message of every link: `Forwarder.receive`. */
  readonly receive: (link: Link, message: Uint8Array) => void;
}

export interface LinkTableOptions {
  /** This node's own Node-ID. */
  readonly nodeId: NodeId;
  /** Linked nodes, clients included; by default 1024. */
  readonly maxNodes?: number;
}

/** Two links to one node live side by side this long, until the side with the larger Node-ID closes the older, in milliseconds. */
const GRACE = 5000;

interface Entry {
  /** Oldest first; at most two. */
  readonly links: Link[];
  readonly suspected: Set<Link>;
  /** What observers were told last. */
  toldSuspect: boolean;
  /** When a message came last, milliseconds since 1970. */
  heardAt: number;
}

/**
 * The Connection Table (RFC 6940 §3): every node that a link is open to, clients included.
 *
 * When a second link to the same node comes up, the older one that works stays in use. Both ends have to agree on which to close, and a
 * node that lost its end of the older one needs the newer: so both are kept for a moment, then the side with the larger Node-ID closes
 * the older one and the other side follows.
 */
export class LinkTable {
  readonly #deps: LinkTableDeps;
  readonly #options: LinkTableOptions;
  readonly #entries = new Map<NodeId, Entry>();
  readonly #unbound: OpaqueSlots;
  readonly #observers: LinkTableObserver[] = [];
  #nodes: readonly NodeId[] | undefined;

  constructor(deps: LinkTableDeps, options: LinkTableOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#unbound = new OpaqueSlots(deps.random);
  }

  observe(observer: LinkTableObserver): void {
    this.#observers.push(observer);
  }

  /** Takes the link over and starts to read from it. A link whose Node-ID is not known yet gets an opaque id until `bind`. */
  add(link: Link): void {
    if (link.nodeId === undefined) this.#addUnbound(link);
    else this.#enter(link, link.nodeId);
    link.observe({
      message: (bytes) => {
        this.#note(link);
        this.#deps.receive(link, bytes);
      },
      suspect: (suspected) => this.#suspect(link, suspected),
      closed: (reason) => this.#closed(link, reason),
    });
  }

  /** Names the node behind a link that had no Node-ID (RFC 6940 §6.1.2). */
  bind(link: Link, nodeId: NodeId): void {
    if (link.nodeId !== undefined || !this.#unbound.has(link)) return;
    link.bind(nodeId);
    this.#enter(link, nodeId);
  }

  get(nodeId: NodeId): Link | undefined {
    const entry = this.#entries.get(nodeId);
    return entry === undefined ? undefined : preferred(entry);
  }

  /** When a message came from the node last, milliseconds since 1970: a link that only acknowledges proves less. */
  lastHeard(nodeId: NodeId): number {
    return this.#entries.get(nodeId)?.heardAt ?? 0;
  }

  nodes(): readonly NodeId[] {
    this.#nodes ??= [...this.#entries.keys()];
    return this.#nodes;
  }

  isSuspect(nodeId: NodeId): boolean {
    return this.#entries.get(nodeId)?.toldSuspect ?? false;
  }

  /** Closes every link to the node. Observers are told `down`. */
  remove(nodeId: NodeId, reason?: Failure<LinkFault>): void {
    for (const link of [...(this.#entries.get(nodeId)?.links ?? [])]) link.close(reason);
  }

  /** Closes all links, for the end of the node. */
  close(): void {
    for (const nodeId of [...this.#entries.keys()]) this.remove(nodeId);
    for (const link of this.#unbound.links()) link.close();
  }

  /** The opaque id that stands for a link without Node-ID in Via Lists, two bytes. */
  opaqueIdOf(link: Link): Uint8Array | undefined {
    return this.#unbound.idOf(link);
  }

  /** The link behind an opaque id of this node; undefined when its generation has passed (RFC 6940 §6.3.2.2). */
  byOpaqueId(id: Uint8Array): Link | undefined {
    return this.#unbound.find(id);
  }

  #note(link: Link): void {
    const entry = link.nodeId === undefined ? undefined : this.#entries.get(link.nodeId);
    if (entry !== undefined) entry.heardAt = this.#deps.clock.now();
  }

  #addUnbound(link: Link): void {
    if (!this.#unbound.take(link)) {
      link.close(new Failure({ code: 'closed' }, 'too many links whose node is not known yet'));
    }
  }

  #enter(link: Link, nodeId: NodeId): void {
    const entry = this.#entries.get(nodeId);
    if (entry !== undefined) {
      this.#addSecond(entry, link);
      return;
    }
    if (this.#entries.size >= (this.#options.maxNodes ?? 1024)) {
      this.#deps.log.warn('link refused: the connection table is full', { nodeId });
      link.close(new Failure({ code: 'closed' }, 'the connection table is full'));
      return;
    }
    this.#entries.set(nodeId, { links: [link], suspected: new Set(), toldSuspect: false, heardAt: 0 });
    this.#nodes = undefined;
    for (const observer of this.#observers) observer.up(nodeId);
  }

  #addSecond(entry: Entry, link: Link): void {
    const [oldest, second] = entry.links;
    entry.links.push(link);
    this.#tellSuspect(entry, link);
    if (oldest !== undefined && second !== undefined) oldest.close(replaced());
    const decides = link.nodeId !== undefined && this.#options.nodeId > link.nodeId;
    if (!decides) return;
    this.#deps.clock.after(GRACE, () => {
      if (!entry.links.includes(link)) return;
      for (const older of entry.links.slice(0, entry.links.indexOf(link))) older.close(replaced());
    });
  }

  #suspect(link: Link, suspected: boolean): void {
    const entry = link.nodeId === undefined ? undefined : this.#entries.get(link.nodeId);
    if (entry === undefined || !entry.links.includes(link)) return;
    if (suspected) entry.suspected.add(link);
    else entry.suspected.delete(link);
    this.#tellSuspect(entry, link);
  }

  #tellSuspect(entry: Entry, link: Link): void {
    const suspected = entry.suspected.size === entry.links.length;
    if (suspected === entry.toldSuspect || link.nodeId === undefined) return;
    entry.toldSuspect = suspected;
    for (const observer of this.#observers) observer.suspect(link.nodeId, suspected);
  }

  #closed(link: Link, reason: Failure<LinkFault>): void {
    this.#unbound.release(link);
    const entry = link.nodeId === undefined ? undefined : this.#entries.get(link.nodeId);
    const index = entry?.links.indexOf(link) ?? -1;
    if (entry === undefined || link.nodeId === undefined || index < 0) return;
    entry.links.splice(index, 1);
    entry.suspected.delete(link);
    if (entry.links.length > 0) {
      this.#tellSuspect(entry, link);
      return;
    }
    this.#entries.delete(link.nodeId);
    this.#nodes = undefined;
    for (const observer of this.#observers) observer.down(link.nodeId, reason);
  }
}

/** The oldest link that answers, else the newest. */
function preferred(entry: Entry): Link | undefined {
  if (entry.suspected.size === 0) return entry.links[0];
  return entry.links.find((link) => !entry.suspected.has(link)) ?? entry.links.at(-1);
}

function replaced(): Failure<LinkFault> {
  return new Failure({ code: 'closed' }, 'a newer link to the same node took its place');
}
