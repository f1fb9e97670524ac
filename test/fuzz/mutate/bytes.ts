import { concat } from '#platform/bytes.ts';
import type { Dice } from '../dice.ts';

/** Numbers at which limits, signs and shifts change. */
const EDGES = [0, 1, 2, 3, 0x7f, 0x80, 0xfe, 0xff, 0x100, 0x7fff, 0x8000, 0xfffe, 0xffff, 0x10000, 0xffffff];
const MORE_EDGES = [0x1000000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];
const INTERESTING = [...EDGES, ...MORE_EDGES];

type Mutation = (bytes: Uint8Array, dice: Dice, other: Uint8Array) => Uint8Array;

const flipBit: Mutation = (bytes, dice) => {
  const at = place(bytes, dice);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << dice.below(8));
  return bytes;
};

const overwrite: Mutation = (bytes, dice) => {
  bytes.set(dice.bytes(1 + dice.below(Math.min(8, bytes.length))), place(bytes.subarray(0, -8), dice));
  return bytes;
};

/** A number of 1 to 4 bytes becomes one at an edge, or moves a little. */
const setNumber: Mutation = (bytes, dice) => {
  const width = Math.min(1 + dice.below(4), bytes.length);
  const at = Math.min(place(bytes, dice), bytes.length - width);
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const range = 2 ** (8 * width);
  const value = dice.oneIn(2) ? dice.pick(INTERESTING) : view.readUIntBE(at, width) + dice.below(9) - 4;
  view.writeUIntBE((value + range) % range, at, width);
  return bytes;
};

const truncate: Mutation = (bytes, dice) => bytes.slice(0, dice.below(bytes.length));

const append: Mutation = (bytes, dice, other) =>
  concat(bytes, dice.oneIn(2) ? dice.bytes(1 + dice.below(64)) : other.subarray(0, dice.below(other.length)));

const removePiece: Mutation = (bytes, dice) => {
  const [from, to] = piece(bytes, dice);
  return resized(bytes, [from, to, new Uint8Array()], dice);
};

const repeatPiece: Mutation = (bytes, dice) => {
  const [from, to] = piece(bytes, dice);
  const copies = Array.from({ length: 1 + dice.size(20) }, () => bytes.subarray(from, to));
  return resized(bytes, [to, to, concat(...copies)], dice);
};

const insertPiece: Mutation = (bytes, dice, other) => {
  const [from, to] = piece(other, dice);
  const at = place(bytes, dice);
  return resized(bytes, [at, at, other.slice(from, to)], dice);
};

const swapPieces: Mutation = (bytes, dice) => {
  const [a, b] = piece(bytes, dice);
  const [c, d] = piece(bytes.subarray(b), dice);
  return concat(
    bytes.subarray(0, a),
    bytes.subarray(b + c, b + d),
    bytes.subarray(b, b + c),
    bytes.subarray(a, b),
    bytes.subarray(b + d),
  );
};

/** The head of one and the tail of another. */
const splice: Mutation = (bytes, dice, other) => {
  const at = dice.below(bytes.length);
  return concat(bytes.subarray(0, at), other.subarray(Math.min(at, dice.below(other.length))));
};

const MUTATIONS = [
  flipBit,
  overwrite,
  setNumber,
  setNumber,
  truncate,
  append,
  removePiece,
  repeatPiece,
  insertPiece,
  swapPieces,
  splice,
];

/** A version of `original` with one to four faults; `other` is a second valid input. */
export function mutateBytes(original: Uint8Array, dice: Dice, other: Uint8Array): Uint8Array {
  let bytes = original.slice();
  for (let faults = 1 + dice.size(4); faults > 0 && bytes.length > 0; faults--) {
    bytes = dice.pick(MUTATIONS)(bytes, dice, other).slice();
  }
  return bytes;
}

/** Half of the faults go to the first bytes, where most of the structure is. */
function place(bytes: Uint8Array, dice: Dice): number {
  return dice.oneIn(2) ? dice.below(Math.min(bytes.length, 160)) : dice.below(bytes.length);
}

function piece(bytes: Uint8Array, dice: Dice): readonly [from: number, to: number] {
  const from = dice.below(bytes.length);
  return [from, Math.min(bytes.length, from + 1 + dice.size(64))];
}

/**
 * Replaces a part. In three of four cases the numbers before it that may be lengths over it are made right, so that the reader gets
 * past them and to what was changed.
 */
function resized(
  bytes: Uint8Array,
  [from, to, replacement]: readonly [number, number, Uint8Array],
  dice: Dice,
): Uint8Array {
  const result = concat(bytes.subarray(0, from), replacement, bytes.subarray(to));
  if (!dice.oneIn(4)) correctLengths(bytes, result, [from, to, replacement.length - (to - from)]);
  return result;
}

function correctLengths(
  before: Uint8Array,
  after: Uint8Array,
  [from, to, growth]: readonly [number, number, number],
): void {
  const old = Buffer.from(before.buffer, before.byteOffset, before.byteLength);
  const target = Buffer.from(after.buffer, after.byteOffset, after.byteLength);
  for (const width of [4, 3, 2, 1]) {
    for (let at = Math.max(0, from - 4096); at + width <= from; at++) {
      const length = old.readUIntBE(at, width);
      const end = at + width + length;
      const covers = length > 0 && end >= to && end <= before.length;
      // The whole message's own length counts from its first byte (RFC 6940 §6.3.2).
      const isWhole = width === 4 && at === 16 && length === before.length;
      const corrected = length + growth;
      if ((covers || isWhole) && corrected >= 0 && corrected < 2 ** (8 * width))
        target.writeUIntBE(corrected, at, width);
    }
  }
}

/** `original` with a piece of it repeated until it has about `size` bytes. */
export function stretchBytes(original: Uint8Array, dice: Dice, size: number): Uint8Array {
  if (original.length === 0) return original;
  const [from, to] = piece(original, dice);
  const copies = Math.max(0, Math.floor((size - original.length) / (to - from)));
  const repeated = Buffer.alloc(copies * (to - from), original.slice(from, to));
  return dice.oneIn(2)
    ? resized(original, [to, to, repeated], dice)
    : concat(original.subarray(0, to), repeated, original.subarray(to));
}
