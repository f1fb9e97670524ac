import { describe, expect, it } from 'vitest';
import { PeerCache } from '#reload/node/peer-cache.ts';
import { memoryStore } from '#store/memory-store.ts';
import { fixedClock } from '../../support/overlay.ts';

const peer = (n: number) => ({ address: `192.0.2.${n}`, port: 6084 });

describe('peers of earlier days', () => {
  it('R6940-11.4-05 keeps the ten that were linked last', async () => {
    const cache = new PeerCache({ store: memoryStore().namespace('peers'), clock: fixedClock() });
    for (let n = 1; n <= 15; n++) await cache.remember([peer(n)]);
    expect(cache.list()).toEqual([15, 14, 13, 12, 11, 10, 9, 8, 7, 6].map(peer));
    await cache.remember([peer(8)]);
    expect(cache.list().slice(0, 2)).toEqual([peer(8), peer(15)]);
  });

  it('forgets who was not linked for 30 days', async () => {
    const clock = fixedClock();
    const cache = new PeerCache({ store: memoryStore().namespace('peers'), clock });
    await cache.remember([peer(1)]);
    clock.time += 20 * 24 * 3_600_000;
    await cache.remember([peer(2)]);
    clock.time += 15 * 24 * 3_600_000;
    expect(cache.list()).toEqual([peer(2)]);
    await cache.remember([peer(3)]);
    expect(cache.list()).toEqual([peer(3), peer(2)]);
  });

  it('reads nothing from a damaged store', async () => {
    const namespace = memoryStore().namespace('peers');
    const cache = new PeerCache({ store: namespace, clock: fixedClock() });
    for (const text of ['{', '{"a":1}', '[{"address":1,"port":2},{"address":"192.0.2.1","port":70000},null]']) {
      await namespace.update((transaction) => transaction.put('peers', Buffer.from(text)));
      expect(cache.list()).toEqual([]);
    }
  });
});
