import { concat, utf8 } from '#platform/bytes.ts';
import { hashToResourceId, type NodeId, type ResourceId } from '#reload/wire/ids.ts';

/** The shape of a ReDiR tree (RFC 7374 §3): `bits` of a Node-ID, `branching` intervals a tree node. */
export interface TreeShape {
  readonly bits: number;
  readonly branching: number;
}

/** RFC 7374 §8. */
export const DEFAULT_BRANCHING_FACTOR = 10;
/** Registration and lookup begin here unless better is known (RFC 7374 §4.2). */
export const DEFAULT_START_LEVEL = 2;

/** A position in a tree; both numbers are 16 bits wide in the record. */
export interface TreeNode {
  readonly level: number;
  readonly node: number;
}

/** H(namespace, level, node): UTF-8 bytes, then two 16-bit integers in network order (RFC 7374 §2). */
export function treeNodeResource(namespace: string, at: TreeNode): ResourceId {
  const numbers = Uint8Array.of(at.level >> 8, at.level & 255, at.node >> 8, at.node & 255);
  return hashToResourceId(concat(utf8(namespace), numbers));
}

export function keyOf(id: NodeId): bigint {
  return BigInt(`0x${id}`);
}

/** The number, over the whole level, of the interval that holds `key`: floor(key * b^(level+1) / 2^n), exact only in BigInt. */
export function intervalOf(shape: TreeShape, level: number, key: bigint): bigint {
  return (key * BigInt(shape.branching) ** BigInt(level + 1)) >> BigInt(shape.bits);
}

/** The tree node at `level` whose intervals cover `key`. `level` must not be above `highestLevel`. */
export function nodeAt(shape: TreeShape, level: number, key: bigint): number {
  return Number((key * BigInt(shape.branching) ** BigInt(level)) >> BigInt(shape.bits));
}

export function treeNodeOf(shape: TreeShape, level: number, key: bigint): TreeNode {
  return { level, node: nodeAt(shape, level, key) };
}

/** First and last key of the interval that holds `key`. */
export function intervalBounds(shape: TreeShape, level: number, key: bigint): { first: bigint; last: bigint } {
  const parts = BigInt(shape.branching) ** BigInt(level + 1);
  const index = intervalOf(shape, level, key);
  const firstOf = (i: bigint) => ((i << BigInt(shape.bits)) + parts - 1n) / parts;
  return { first: firstOf(index), last: firstOf(index + 1n) - 1n };
}

/** The deepest level whose tree nodes can all be numbered in 16 bits. */
export function highestLevel(shape: TreeShape): number {
  let level = 0;
  for (let nodes = shape.branching; nodes - 1 <= 0xffff; nodes *= shape.branching) level += 1;
  return level;
}
