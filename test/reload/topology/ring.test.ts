import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  byDistanceFrom,
  clockwise,
  distance,
  fingerIndex,
  fingerRange,
  fromNumber,
  isPeerOf,
  isPosition,
  shareOfRing,
  toNumber,
  within,
} from '#reload/topology/chord/ring.ts';
import { type NodeId, WILDCARD_NODE_ID, ZERO_NODE_ID } from '#reload/wire/ids.ts';

const SIZE = 1n << 128n;
const numbers = fc.oneof(fc.bigInt({ min: 0n, max: SIZE - 1n }), fc.bigInt({ min: 0n, max: 8n }));
const position = (value: bigint) => fromNumber(value);
const node = (value: bigint) => fromNumber(value) as string as NodeId;

describe('ring arithmetic', () => {
  it('R6940-10.1-01 decides intervals as big integers do, across the wrap as well', () => {
    fc.assert(
      fc.property(numbers, numbers, numbers, (k, after, upTo) => {
        const length = after === upTo ? SIZE : (upTo - after + SIZE) % SIZE;
        const reach = (k - after + SIZE) % SIZE;
        const oracle = after === upTo || (reach > 0n && reach <= length);
        expect(within(position(k), position(after), position(upTo))).toBe(oracle);
      }),
    );
  });

  it('orders by clockwise distance as big integers do', () => {
    fc.assert(
      fc.property(numbers, numbers, numbers, (origin, a, b) => {
        const order = byDistanceFrom(position(origin))(position(a), position(b));
        const gap = distance(position(origin), position(a)) - distance(position(origin), position(b));
        expect(Math.sign(order)).toBe(gap === 0n ? 0 : gap < 0n ? -1 : 1);
      }),
    );
  });

  it('goes clockwise modulo 2^128', () => {
    expect(clockwise(position(SIZE - 1n), 1n)).toBe('0'.repeat(32));
    expect(toNumber(clockwise(position(5n), SIZE + 2n))).toBe(7n);
  });

  it('R6940-10.7.4.2-01 bounds finger i by x + 2^(128-i) and x + 2^(128-(i-1)) - 1', () => {
    expect(fingerRange(node(0n), 1)).toEqual({ first: position(1n << 127n), last: position(SIZE - 1n) });
    expect(fingerRange(node(9n), 128)).toEqual({ first: position(10n), last: position(10n) });
    fc.assert(
      fc.property(numbers, fc.integer({ min: 1, max: 128 }), (self, i) => {
        const { first, last } = fingerRange(node(self), i);
        expect(distance(node(self), first)).toBe(1n << BigInt(128 - i));
        expect(distance(node(self), last)).toBe((1n << BigInt(129 - i)) - 1n);
        expect(fingerIndex(node(self), first as string as NodeId)).toBe(i);
        expect(fingerIndex(node(self), last as string as NodeId)).toBe(i);
      }),
    );
  });

  it('keeps out ids that have no place on the ring', () => {
    const self = node(1n);
    expect(isPosition(node(2n))).toBe(true);
    expect(isPosition('00'.repeat(20) as NodeId)).toBe(false);
    expect([self, WILDCARD_NODE_ID, ZERO_NODE_ID].some((id) => isPeerOf(self, id))).toBe(false);
    expect(isPeerOf(self, node(2n))).toBe(true);
  });

  it('measures a share of the ring in parts per billion', () => {
    expect(shareOfRing(node(0n), node(1n << 127n))).toBe(500_000_000);
    expect(shareOfRing(node(7n), node(7n))).toBe(1_000_000_000);
  });
});
