import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  highestLevel,
  intervalBounds,
  intervalOf,
  keyOf,
  nodeAt,
  treeNodeResource,
} from '#reload/usages/redir/redir-tree.ts';
import { parseNodeId } from '#reload/wire/ids.ts';

const A = keyOf(parseNodeId('0123456789abcdef0123456789abcdef')!);
const B = keyOf(parseNodeId('fedcba9876543210fedcba9876543210')!);
const WIDE = { bits: 128, branching: 10 };

describe('ReDiR tree', () => {
  it.each([
    ['voice-mail', 0, 0, '52125612f1b357fda965f7e2e05c1598'],
    ['voice-mail', 1, 0, '2a8a57c434985f43e1718fc48a5b0b81'],
    ['voice-mail', 1, 9, '6c0060623ea531739d50eb0d8cbdd424'],
    ['voice-mail', 2, 3, 'e5fc5237e0a4e78a975e7f8555ba3b47'],
    ['voice-mail', 2, 42, 'b9639f24081c2fd441f415f7f17ea4e2'],
    ['turn-server', 0, 0, '777995ae73664b3ce6d2623d0cc1de19'],
    ['turn-server', 2, 3, 'b909e9036489fddd88206b7aeb038f59'],
  ])('R7374-2-02 R7374-3-02 stores %s level %i node %i at %s', (namespace, level, node, resource) => {
    expect(treeNodeResource(namespace, { level, node })).toBe(resource);
  });

  it.each([
    ['A', A, 0, 0, 0, '0', '19999999999999999999999999999999'],
    ['A', A, 1, 0, 0, '0', '028f5c28f5c28f5c28f5c28f5c28f5c2'],
    ['A', A, 2, 0, 4, '010624dd2f1a9fbe76c8b4395810624e', '0147ae147ae147ae147ae147ae147ae1'],
    ['A', A, 3, 4, 4, '01205bc01a36e2eb1c432ca57a786c23', '0126e978d4fdf3b645a1cac083126e97'],
    ['A', A, 4, 44, 4, '0122fad6cb5350092ccf6be37de939eb', '0123a29c779a6b50b0f27bb2fec56d5c'],
    ['B', B, 0, 0, 9, 'e6666666666666666666666666666667', 'ffffffffffffffffffffffffffffffff'],
    ['B', B, 1, 9, 9, 'fd70a3d70a3d70a3d70a3d70a3d70a3e', 'ffffffffffffffffffffffffffffffff'],
    ['B', B, 2, 99, 5, 'feb851eb851eb851eb851eb851eb851f', 'fef9db22d0e5604189374bc6a7ef9db2'],
    ['B', B, 3, 995, 5, 'fed916872b020c49ba5e353f7ced9169', 'fedfa43fe5c91d14e3bcd35a858793dd'],
    ['B', B, 4, 9955, 5, 'fedc5d63886594af4f0d844d013a92a4', 'fedd052934acaff6d330941c8216c615'],
  ])('R7374-3-03 puts key %s (%#) in its exact interval of the tree with branching factor 10', (...row) => {
    const [, key, level, node, part, first, last] = row;
    expect(nodeAt(WIDE, level, key)).toBe(node);
    expect(intervalOf(WIDE, level, key) % 10n).toBe(BigInt(part));
    expect(intervalBounds(WIDE, level, key)).toEqual({ first: BigInt(`0x${first}`), last: BigInt(`0x${last}`) });
  });

  it('R7374-3-01 numbers the nodes and intervals of a binary tree over 4 bits', () => {
    const shape = { bits: 4, branching: 2 };
    const keys = Array.from({ length: 16 }, (_, k) => BigInt(k));
    for (const level of [0, 1, 2, 3]) {
      expect(keys.map((k) => nodeAt(shape, level, k))).toEqual(keys.map((k) => Number(k) >> (4 - level)));
      expect(keys.map((k) => Number(intervalOf(shape, level, k)))).toEqual(keys.map((k) => Number(k) >> (3 - level)));
    }
  });

  it('keeps intervals of unequal size when the branching factor does not divide the key space', () => {
    const shape = { bits: 4, branching: 3 };
    const firsts = (level: number) => [
      ...new Set(Array.from({ length: 16 }, (_, k) => Number(intervalBounds(shape, level, BigInt(k)).first))),
    ];
    expect(firsts(0)).toEqual([0, 6, 11]);
    expect(firsts(1)).toEqual([0, 2, 4, 6, 8, 9, 11, 13, 15]);
  });

  it('R7374-3-04 agrees with rational arithmetic for random 128-bit keys', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }),
        fc.integer({ min: 2, max: 300 }),
        fc.integer({ min: 0, max: 6 }),
        (key, branching, level) => {
          const shape = { bits: 128, branching };
          const parts = BigInt(branching) ** BigInt(level + 1);
          const index = intervalOf(shape, level, key);
          expect(index * 2n ** 128n <= key * parts && key * parts < (index + 1n) * 2n ** 128n).toBe(true);
          expect(BigInt(nodeAt(shape, level, key))).toBe(index / BigInt(branching));
          const { first, last } = intervalBounds(shape, level, key);
          expect(first <= key && key <= last).toBe(true);
          expect(intervalOf(shape, level, first)).toBe(index);
          expect(intervalOf(shape, level, last)).toBe(index);
        },
      ),
      { numRuns: 300 },
    );
  });

  it.each([
    [2, 16],
    [10, 4],
    [16, 4],
    [256, 2],
    [65535, 1],
  ])('with branching factor %i ends at level %i, where node numbers still fit 16 bits', (branching, level) => {
    expect(highestLevel({ bits: 128, branching })).toBe(level);
  });
});
