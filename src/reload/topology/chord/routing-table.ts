import {
  byDistanceFrom,
  fingerIndex,
  fingerRange,
  isPeerOf,
  isPosition,
  type Position,
  shareOfRing,
  WHOLE_RING,
  within,
} from '#reload/topology/chord/ring.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';

/** Nearest first on both sides (the RFC leaves the order open; receivers sort). */
export interface Neighbours {
  readonly predecessors: readonly NodeId[];
  readonly successors: readonly NodeId[];
}

/** Copies of a record beside the responsible peer's own (RFC 6940 §10.4). */
export const REPLICAS = 2;
/** Neighbours a side, however large a hostile neighbourhood makes the ring look. */
const MAX_PER_SIDE = 12;
/** By how much the estimate has to be past a step before the number of neighbours follows. */
const WAVER = 0.25;
/** A peer that is gone may still be counted between a replica and its resource. */
const REPLICA_TOLERANCE = 1;

/**
 * The Routing Table (RFC 6940 §10.3): the linked nodes that said by an Update that they are peers. Neighbours and fingers
 * are not kept apart but read off it, so that a lost entry is replaced by the best match among the others (§10.7.1, §10.7.2)
 * in the moment it is removed.
 */
export class RoutingTable {
  readonly self: NodeId;
  readonly #minPerSide: number;
  #perSide: number;
  readonly #order: (a: Position, b: Position) => number;
  /** By clockwise distance from `self`. */
  #peers: NodeId[] = [];
  readonly #suspect = new Set<NodeId>();

  constructor(self: NodeId, options: { readonly neighboursPerSide: number }) {
    this.self = self;
    this.#minPerSide = options.neighboursPerSide;
    this.#perSide = options.neighboursPerSide;
    this.#order = byDistanceFrom(self);
  }

  get size(): number {
    return this.#peers.length;
  }

  /** All peers, clockwise from `self`. */
  peers(): readonly NodeId[] {
    return this.#peers;
  }

  has(peer: NodeId): boolean {
    return this.#peers[this.#search(peer)] === peer;
  }

  /** False when it was there already or may not be. */
  enter(peer: NodeId): boolean {
    if (!isPeerOf(this.self, peer)) return false;
    const at = this.#search(peer);
    if (this.#peers[at] === peer) return false;
    this.#peers = this.#peers.toSpliced(at, 0, peer);
    this.#adapt();
    return true;
  }

  remove(peer: NodeId): boolean {
    this.#suspect.delete(peer);
    const at = this.#search(peer);
    if (this.#peers[at] !== peer) return false;
    this.#peers = this.#peers.toSpliced(at, 1);
    this.#adapt();
    return true;
  }

  clear(): void {
    this.#peers = [];
    this.#suspect.clear();
  }

  /** Peers of the ring, this one included: counted in a small ring, else judged by how densely the neighbours stand. */
  estimatedSize(): number {
    const [ahead, behind] = [this.#peers[this.#perSide - 1], this.#peers.at(-this.#perSide)];
    const known = this.#peers.length + 1;
    if (known <= 2 * this.#perSide + 1 || ahead === undefined || behind === undefined) return known;
    const span = shareOfRing(this.self, ahead) + shareOfRing(behind, this.self);
    return Math.max(known, Math.round((2 * this.#perSide * WHOLE_RING) / Math.max(1, span)));
  }

  /** A suspect peer keeps its place among the neighbours, but nothing is routed over it (RFC 6940 §6.6.5). */
  suspect(peer: NodeId, suspected: boolean): void {
    if (suspected && this.has(peer)) this.#suspect.add(peer);
    else this.#suspect.delete(peer);
  }

  isSuspect(peer: NodeId): boolean {
    return this.#suspect.has(peer);
  }

  neighbours(): Neighbours {
    return sides(this.#peers, this.#perSide);
  }

  /** The neighbours as they would be if `others` were peers too. */
  neighboursWith(others: Iterable<NodeId>): Neighbours {
    // Of the peers only the nearest on both sides can be among the nearest of all.
    const near = new Set([...this.#peers.slice(0, this.#perSide), ...this.#peers.slice(-this.#perSide)]);
    for (const other of others) if (isPeerOf(this.self, other)) near.add(other);
    return sides([...near].sort(this.#order), this.#perSide);
  }

  isNeighbour(peer: NodeId): boolean {
    return this.isNear(peer, this.#perSide);
  }

  /** Whether the peer is one of the first `count` on either side. */
  isNear(peer: NodeId, count: number): boolean {
    const at = this.#search(peer);
    if (this.#peers[at] !== peer) return false;
    return at < count || at >= this.#peers.length - count;
  }

  predecessor(): NodeId | undefined {
    return this.#peers.at(-1);
  }

  successor(): NodeId | undefined {
    return this.#peers[0];
  }

  /** The `nth` peer counter-clockwise of `position`, at most all around to `self`. */
  before(position: Position, nth: number): NodeId {
    return this.#peers[this.#search(position) - nth] ?? this.self;
  }

  /** One peer a finger, that nearest to the start of its range, in ascending numeric order (RFC 6940 §10.7). */
  fingers(): readonly NodeId[] {
    const first = new Map<number, NodeId>();
    for (const peer of this.#peers) {
      const i = fingerIndex(this.self, peer);
      if (!first.has(i)) first.set(i, peer);
    }
    return [...first.values()].sort();
  }

  /** The peer that serves as finger `i`, and whether it lies in that finger's range (RFC 6940 §10.7.4.2). */
  finger(i: number): { readonly node: NodeId; readonly valid: boolean } | undefined {
    const { first, last } = fingerRange(this.self, i);
    const at = this.#search(first);
    const candidate = this.#peers[at];
    if (candidate !== undefined && this.#order(candidate, last) <= 0) {
      return { node: candidate, valid: true };
    }
    const preceding = this.#peers[at - 1];
    return preceding === undefined ? undefined : { node: preceding, valid: false };
  }

  /** RFC 6940 §10.3; the seam's `NextHop.nextHop` without the linked nodes that are no peers. */
  nextHop(target: Position, previousHop?: NodeId): NodeId | undefined {
    if (!isPosition(target)) return undefined;
    const after = this.#search(target);
    const upTo = this.#peers[after] === target ? after : after - 1;
    const preceding = this.#usableDown(upTo);
    if (preceding !== undefined && (preceding !== previousHop || preceding === target)) return preceding;
    // The previous hop saw no peer closer before the target than this node, so the way on is the one behind the target.
    const following = this.#usableUp(upTo + 1);
    if (following === undefined) return undefined;
    if (following !== previousHop) return following;
    return byDistanceFrom(target)(following, this.self) < 0 ? following : undefined;
  }

  /**
   * Whether a copy of `resource` from the node is plausible: it is the responsible peer or one of its replicas, by what is known here,
   * and so is this one (RFC 6940 §7.4.1.1, §10.4). A joiner does not count itself yet when it looks at the sender.
   */
  expectsReplica(resource: ResourceId, from: NodeId, joined: boolean): boolean {
    const order = byDistanceFrom(resource);
    const others = new Set([...this.#peers, from]);
    const before = (node: NodeId, known: Iterable<NodeId>) =>
      [...known].filter((other) => order(other, node) < 0).length;
    const senderRank = before(from, joined ? [...others, this.self] : others);
    return senderRank <= REPLICAS && before(this.self, others) <= REPLICAS + REPLICA_TOLERANCE;
  }

  /** Neighbours in use that lie nearer to `resource` than the node, on the way that responsibility goes (RFC 6940 §6.3.4). */
  neighboursNearer(resource: ResourceId, node: NodeId): readonly NodeId[] {
    const order = byDistanceFrom(resource);
    const { predecessors, successors } = this.neighbours();
    return [...predecessors, ...successors].filter((near) => order(near, node) < 0 && !this.#suspect.has(near));
  }

  /** Whether three peers or more lie between `resource` and this one, so that it no longer belongs to its replicas (RFC 6940 §10.7.3). */
  isBeyondReplicas(resource: ResourceId): boolean {
    const outermost = this.#peers.at(-(REPLICAS + 1));
    return outermost !== undefined && !within(resource, outermost, this.self);
  }

  /** RFC 6940 §10.7: as many neighbours as the logarithm of the ring's size, half of them on each side; estimates that waver change nothing. */
  #adapt(): void {
    const wanted = Math.log2(this.estimatedSize()) / 2;
    if (wanted > this.#perSide + WAVER) this.#perSide = Math.min(MAX_PER_SIDE, Math.ceil(wanted - WAVER));
    else if (wanted < this.#perSide - 1 - WAVER) this.#perSide = Math.max(this.#minPerSide, Math.ceil(wanted + WAVER));
  }

  /** Index of the first peer at or clockwise after `position`. */
  #search(position: Position): number {
    let low = 0;
    let high = this.#peers.length;
    if (position === this.self) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      const peer = this.#peers[middle];
      if (peer !== undefined && this.#order(peer, position) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #usableDown(from: number): NodeId | undefined {
    for (let i = from; i >= 0; i--) {
      const peer = this.#peers[i];
      if (peer !== undefined && !this.#suspect.has(peer)) return peer;
    }
    return undefined;
  }

  #usableUp(from: number): NodeId | undefined {
    return this.#peers.slice(from).find((peer) => !this.#suspect.has(peer));
  }
}

function sides(clockwise: readonly NodeId[], count: number): Neighbours {
  return { successors: clockwise.slice(0, count), predecessors: clockwise.slice(-count).reverse() };
}
