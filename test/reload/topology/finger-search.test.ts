import { describe, expect, it } from 'vitest';
import { chooseFingerTarget } from '#reload/topology/chord/fingers.ts';
import { distance, fingerRange } from '#reload/topology/chord/ring.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';
import { SeededRandom } from '../../simulation/seeded-random.ts';

const self = '5'.repeat(32) as NodeId;

function fingerOf(target: ResourceId): number {
  return [1, 2, 3, 4, 5].find((i) => {
    const { first, last } = fingerRange(self, i);
    return distance(first, target) <= distance(first, last);
  })!;
}

describe('search for fingers', () => {
  it('R6940-10.7.4.2-02 takes each invalid entry half as often as the one before', () => {
    const random = new SeededRandom('weights');
    const counts = new Map<number, number>();
    for (let round = 0; round < 10_000; round++) {
      const target = chooseFingerTarget(self, [1, 2, 3, 4], random);
      if (target !== undefined) counts.set(fingerOf(target), (counts.get(fingerOf(target)) ?? 0) + 1);
    }
    for (const i of [1, 2, 3]) {
      const ratio = (counts.get(i) ?? 0) / (counts.get(i + 1) ?? 1);
      expect(ratio).toBeGreaterThan(1.7);
      expect(ratio).toBeLessThan(2.3);
    }
  });

  it('R6940-10.7.4.2-03 aims at places inside the range of the entry, another one each time', () => {
    const random = new SeededRandom('targets');
    const targets = Array.from({ length: 200 }, () => chooseFingerTarget(self, [3], random)).filter(
      (target) => target !== undefined,
    );
    expect(new Set(targets).size).toBe(targets.length);
    expect(targets.map(fingerOf).every((i) => i === 3)).toBe(true);
  });

  it('aims at nothing when every entry is valid', () => {
    expect(chooseFingerTarget(self, [], new SeededRandom('none'))).toBe(undefined);
  });
});
