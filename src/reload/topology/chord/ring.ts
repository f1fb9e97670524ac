import { type NodeId, type ResourceId, WILDCARD_NODE_ID, ZERO_NODE_ID } from '#reload/wire/ids.ts';

/**
 * Arithmetic on the ring modulo 2^128 (RFC 6940 §10.1). Positions are hex strings of equal length, so that most
 * questions are answered by comparing text; big integers appear only where a position is computed.
 */
export type Position = NodeId | ResourceId;

/** The part (after, upTo] of the ring. */
export interface Section {
  readonly after: Position;
  readonly upTo: Position;
}

const BITS = 128n;
const SIZE = 1n << BITS;
const DIGITS = 32;

/** CHORD-RELOAD fixes both kinds of ids to 128 bits (RFC 6940 §10.2); ids of another length have no place on the ring. */
export function isPosition(id: Position): boolean {
  return id.length === DIGITS;
}

/** Whether a node may stand in a table: a real Node-ID that is not `self` (RFC 6940 §3, §10.7.3). */
export function isPeerOf(self: NodeId, id: NodeId): boolean {
  return isPosition(id) && id !== self && id !== WILDCARD_NODE_ID && id !== ZERO_NODE_ID;
}

export function toNumber(position: Position): bigint {
  return BigInt(`0x${position}`);
}

export function fromNumber(value: bigint): ResourceId {
  return (((value % SIZE) + SIZE) % SIZE).toString(16).padStart(DIGITS, '0') as ResourceId;
}

/** The position `steps` clockwise of `from`. */
export function clockwise(from: Position, steps: bigint): ResourceId {
  return fromNumber(toNumber(from) + steps);
}

/** How far one has to go clockwise from `from` to reach `to`. */
export function distance(from: Position, to: Position): bigint {
  const steps = toNumber(to) - toNumber(from);
  return steps < 0n ? steps + SIZE : steps;
}

/** Whether `position` lies in (after, upTo], clockwise. The interval of a point with itself is the whole ring. */
export function within(position: Position, after: Position, upTo: Position): boolean {
  if (after < upTo) return after < position && position <= upTo;
  return after < position || position <= upTo;
}

/** Orders positions by their clockwise distance from `origin`; `origin` itself comes first. */
export function byDistanceFrom(origin: Position): (a: Position, b: Position) => number {
  return (a, b) => {
    if (a === b) return 0;
    const wrapsA = a < origin;
    if (wrapsA !== b < origin) return wrapsA ? 1 : -1;
    return a < b ? -1 : 1;
  };
}

/** Where finger `i` (1..128) of `self` may lie: [self + 2^(128-i), self + 2^(129-i) - 1] (RFC 6940 §10.7.4.2). */
export function fingerRange(self: NodeId, i: number): { readonly first: ResourceId; readonly last: ResourceId } {
  const start = 1n << (BITS - BigInt(i));
  return { first: clockwise(self, start), last: clockwise(self, 2n * start - 1n) };
}

/** The finger whose range holds `node`, 1 = the far half of the ring. */
export function fingerIndex(self: NodeId, node: NodeId): number {
  return DIGITS * 4 + 1 - distance(self, node).toString(2).length;
}

/** What `shareOfRing` counts in all. */
export const WHOLE_RING = 1_000_000_000;

/** The part of the ring in (after, upTo], in parts per billion (RFC 6940 §6.4.2.5). */
export function shareOfRing(after: Position, upTo: Position): number {
  const length = after === upTo ? SIZE : distance(after, upTo);
  return Number((length * BigInt(WHOLE_RING)) / SIZE);
}
