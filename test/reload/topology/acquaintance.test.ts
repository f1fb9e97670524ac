import { describe, expect, it } from 'vitest';
import { connect } from '../messaging/network.ts';
import { at, createBench, neighbors } from './bench.ts';

/** A peer at 0x80 that heard of a closer successor at 0x98. */
async function heardOf(reach: (attempt: number, connected: () => void, breakLink: () => void) => void) {
  const bench = await createBench(0x80, { timers: { livenessInterval: 20_000 } });
  const { chord, net, self, peer, reachable, attaches, tell } = bench;
  chord.found();
  for (const part of [0x60, 0x70, 0x78, 0x90, 0xa0]) await peer(part);
  const informant = await peer(0xb0);
  const wanted = await bench.node(0x98);
  self.links.remove(wanted.nodeId);
  let attempts = 0;
  reachable.set(wanted.nodeId, () =>
    reach(
      ++attempts,
      () => connect(self, wanted),
      () => self.links.remove(wanted.nodeId),
    ),
  );
  await net.clock.advance(6000);
  await tell(informant, neighbors([0xa0, 0x98, 0x90], [0xc0]));
  const tries = () => attaches.filter(({ destination }) => destination.at(-1)?.type === 'node').length;
  return { ...bench, wanted, tries };
}

describe('a neighbour that a peer heard of', () => {
  it('is attached to again when the link breaks before it said that it is a peer', async () => {
    const { net, chord, tries, tell, wanted } = await heardOf((attempt, connected, breakLink) => {
      connected();
      if (attempt === 1) breakLink();
    });
    expect(tries()).toBe(1);
    await net.clock.advance(10_000);
    expect(tries()).toBe(2);
    await tell(wanted, { uptime: 1, type: 'peer_ready' });
    expect(chord.status().successors).toContain(at(0x98));
  });

  it('is asked again, when it is linked and stays silent, at the next look at the neighbours', async () => {
    const { net, tries } = await heardOf((_, connected) => connected());
    expect(tries()).toBe(1);
    await net.clock.advance(60_000);
    expect(tries()).toBeGreaterThan(1);
  });
});
