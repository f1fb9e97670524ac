import { describe, expect, it } from 'vitest';
import type { OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import { distance, fingerRange, within } from '#reload/topology/chord/ring.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import type { ResourceId } from '#reload/wire/ids.ts';
import { splitPayload } from '#reload/wire/message.ts';
import type { TestNode } from '../messaging/network.ts';
import { at, createBench } from './bench.ts';

const NEAR = [0x74, 0x78, 0x7c, 0x84, 0x88, 0x8c] as const;
const SECOND = fingerRange(at(0x80), 2);

/**
 * A peer at 0x80 whose successors reach as far as 0x8c, and with a peer in the range of its second finger. Its other fingers have nobody.
 * The last successor answers for all that lies beyond.
 */
async function member(configuration: Partial<OverlayConfiguration>) {
  const bench = await createBench(0x80, { configuration, timers: { livenessInterval: 1e9, partitionInterval: 1e9 } });
  const { net, peer, chord } = bench;
  chord.found();
  const peers: TestNode[] = [];
  for (const part of [...NEAR, 0xd0]) peers.push(await peer(part));
  for (const made of peers) made.isResponsible = () => true;
  await net.clock.advance(10_000);
  /** Places pinged so far. */
  const pinged = () =>
    peers.flatMap(({ delivered }) =>
      delivered.flatMap(({ header, payload }): ResourceId[] => {
        const target = header.destinationList.at(-1);
        const isPing = splitPayload(payload).contents.code === MessageCode.pingReq;
        return isPing && target?.type === 'resource' ? [target.id] : [];
      }),
    );
  return Object.assign(bench, { pinged });
}

describe('a finger that failed', () => {
  it.each([
    [true, 1],
    [false, 0],
  ])('R6940-10.7.2-02 with chord-reactive %s: Pings to a place in its range: %s', async (chordReactive, count) => {
    const { net, self, pinged } = await member({ chordReactive });
    expect(pinged()).toEqual([]);
    self.links.remove(at(0xd0));
    await net.clock.advance(1000);
    expect(pinged().filter((target) => within(target, at(0xbf), SECOND.last))).toHaveLength(count);
  });
});

describe('the search for fingers', () => {
  it('R6940-10.7.4.2-05 R6940-10.7.4.2-04 goes to random places, one at a time and never sooner than chord-ping-interval after the one before', async () => {
    const { net, pinged } = await member({ chordPingInterval: 100 });
    const times: number[] = [];
    const targets: ResourceId[] = [];
    for (let second = 0; second < 4000; second += 5) {
      await net.clock.advance(5000);
      const fresh = pinged().filter((target) => !targets.includes(target));
      expect(fresh.length).toBeLessThanOrEqual(1);
      if (fresh.length > 0) times.push(second);
      targets.push(...fresh);
    }
    expect(times.length).toBeGreaterThan(8);
    const gaps = times.slice(1).map((time, i) => time - times[i]!);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(95);
    // Not the starts of the ranges, where the first fingers are.
    const offsets = targets.map((target) => {
      const i = [1, 2, 3, 4].find(
        (n) => within(target, at(0x80), fingerRange(at(0x80), n).last) && !isBefore(target, n),
      );
      return distance(fingerRange(at(0x80), i ?? 4).first, target);
    });
    expect(new Set(offsets).size).toBe(targets.length);
    expect(offsets).not.toContain(0n);
  });
});

function isBefore(target: ResourceId, finger: number): boolean {
  return distance(at(0x80), target) < distance(at(0x80), fingerRange(at(0x80), finger).first);
}
