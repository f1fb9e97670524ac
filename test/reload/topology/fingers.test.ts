import { describe, expect, it } from 'vitest';
import type { OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import { distance, fingerIndex, fingerRange, within } from '#reload/topology/chord/ring.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';
import { splitPayload } from '#reload/wire/message.ts';
import type { TestNode } from '../messaging/network.ts';
import { at, createBench } from './bench.ts';

const NEAR = [0x74, 0x78, 0x7c, 0x84, 0x88, 0x8c] as const;
const SECOND = fingerRange(at(0x80), 2);
/** 0x74 is in the range of the first, 0xd0 in that of the second; beyond the fourth the successors are. */
const INVALID = [3, 4];

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
  it('R6940-10.7.2-01 is in no entry any more, and the closest preceding peer of the table stands in for it', async () => {
    const { self, chord } = await member({});
    expect(chord.status().fingers).toContain(at(0xd0));
    expect(chord.nextHop(at(0xd8))).toBe(at(0xd0));
    self.links.remove(at(0xd0));
    expect(chord.status().fingers).not.toContain(at(0xd0));
    expect(chord.nextHop(at(0xd8))).toBe(at(0x8c));
  });

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
  it('R6940-10.7.4.2-01 R6940-10.7.4.2-05 R6940-10.7.4.2-04 goes to random places in the ranges of invalid entries, one at a time and never sooner than chord-ping-interval after the one before', async () => {
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
    const indices = targets.map((target) => fingerIndex(at(0x80), target as string as NodeId));
    expect(new Set(indices)).toEqual(new Set(INVALID));
    // Not the starts of the ranges, where the first fingers are.
    const offsets = targets.map((target, n) => distance(fingerRange(at(0x80), indices[n]!).first, target));
    expect(new Set(offsets).size).toBe(targets.length);
    expect(offsets).not.toContain(0n);
  });
});
describe('a peer with few fingers', () => {
  it('R6940-10.7.4.3-01 looks for one in each of the first sixteen ranges that has none', async () => {
    const { net, peer, chord, attaches } = await createBench(0x80, { timers: { livenessInterval: 1e9 } });
    chord.found();
    // All so near that their own fingers come after the sixteenth; the predecessors are in the range of the first.
    for (const part of [0x80000001, 0x80000002, 0x80000003, 0x7ffffffd, 0x7ffffffe, 0x7fffffff]) await peer(part);
    await net.clock.advance(10_000);
    const indices = attaches.flatMap(({ destination }) => {
      const target = destination.at(-1);
      return target?.type === 'resource' ? [fingerIndex(at(0x80), target.id as string as NodeId)] : [];
    });
    expect(new Set(indices)).toEqual(new Set(Array.from({ length: 15 }, (_, i) => i + 2)));
  });
});
