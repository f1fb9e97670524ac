import { describe, expect, it } from 'vitest';
import { clockwise } from '#reload/topology/chord/ring.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { resourceDestination } from '#reload/wire/destination.ts';
import type { MemoryHost } from './memory-network.ts';
import { type SimulatedNode, SimulatedOverlay, unreachable } from './simulated-overlay.ts';
import { tapWires } from './wiretap.ts';

const SETTLED = 70_000;
/** Milliseconds of real time, on a busy machine. */
const PATIENCE = 60_000;

function ordered(overlay: SimulatedOverlay): SimulatedNode[] {
  return [...overlay.living].sort((a, b) => (a.node.nodeId < b.node.nodeId ? -1 : 1));
}

async function ring(seed: string, peers: number): Promise<SimulatedOverlay> {
  const timers = { partitionInterval: 60_000 };
  const overlay = await SimulatedOverlay.create({ seed, signatures: 'keyed', timers });
  await overlay.grow(peers);
  await overlay.clock.runUntil(() => overlay.isRing());
  await overlay.clock.advance(SETTLED);
  return overlay;
}

/** Two halves of the ring: every other peer, or one side and the other. */
function halvesOf(overlay: SimulatedOverlay, how: 'interleaved' | 'arcs'): readonly SimulatedNode[][] {
  const peers = ordered(overlay);
  const isFirst = (i: number) => (how === 'arcs' ? i < peers.length / 2 : i % 2 === 0);
  return [peers.filter((_, i) => isFirst(i)), peers.filter((_, i) => !isFirst(i))];
}

function part(overlay: SimulatedOverlay, groups: readonly (readonly SimulatedNode[])[]): void {
  overlay.network.partition(groups.map((group) => group.map(({ host }): MemoryHost => host)));
}

describe('a ring that was parted', () => {
  it.each([
    ['interleaved', 1],
    ['interleaved', 2],
    ['arcs', 1],
    ['arcs', 2],
  ] as const)(
    'R6940-6.4.2.3-02 R6940-10.7.4.4-01 heals (%s, seed %s): one ring again, and the newest value of every record at hand for all',
    async (how, seed) => {
      const overlay = await ring(`${how} ${seed}`, 24);
      const records = new Map<string, string>();
      const write = async (by: SimulatedNode, name: string, value: string) => {
        await overlay.store(by, name, value);
        records.set(name, value);
      };
      for (let i = 0; i < 24; i++) await write(overlay.nodes[i % 24]!, `r${i}`, 'before');
      await overlay.clock.advance(SETTLED);
      const halves = halvesOf(overlay, how);
      part(overlay, halves);
      await overlay.clock.advance(120_000);
      for (let i = 0; i < 24; i++) {
        const half = halves[i % 2]!.filter(({ node }) => node.status().joined);
        if (i % 3 > 0) await write(half[i % half.length]!, i % 3 === 1 ? `r${i}` : `new ${i}`, 'while parted');
      }
      overlay.network.heal();
      await overlay.clock.runUntil(() => overlay.isRing(), 300_000);
      await overlay.clock.advance(20_000);
      expect(await unreachable(overlay, records, 9)).toEqual([]);
      await overlay.clock.advance(2 * SETTLED);
      expect(overlay.living.reduce((sum, { node }) => sum + node.status().records, 0)).toBe(3 * records.size);
    },
    PATIENCE,
  );
});

describe('a peer that the network cut off', () => {
  it('R6940-10.7.1-06 R6940-10.7.1-05 is no neighbour while it is out of reach, and one again afterwards', async () => {
    const overlay = await ring('cut of 20 s', 10);
    const cut = overlay.nodes[4]!;
    const others = overlay.living.filter((peer) => peer !== cut);
    part(overlay, [others, [cut]]);
    await overlay.clock.advance(40_000);
    for (const { node } of others) {
      const { predecessors = [], successors = [] } = node.status();
      expect([...predecessors, ...successors]).not.toContain(cut.node.nodeId);
    }
    overlay.network.heal();
    await overlay.clock.runUntil(() => overlay.isRing(), 120_000);
  });

  it('R6940-10.7.1-09 R6940-10.7.1-10 takes itself for disconnected when it has nobody left, tries again and again, and rejoins by itself', async () => {
    const overlay = await ring('cut of two minutes', 8);
    const cut = overlay.nodes[5]!;
    expect(cut.node.status().disconnected).toBe(false);
    part(overlay, [overlay.living.filter((peer) => peer !== cut), [cut]]);
    await overlay.clock.advance(120_000);
    expect(cut.node.status()).toMatchObject({ disconnected: true, fingers: [] });
    const tries = () => overlay.trace.filter((line) => line.includes(`${cut.name} info bootstrap node not reached`));
    expect(tries().length).toBeGreaterThan(3);
    overlay.network.heal();
    await overlay.clock.runUntil(() => overlay.isRing(), 120_000);
    expect(cut.node.status().disconnected).toBe(false);
  });

  it('R6940-10.7.1-10 of a ring of two goes on alone with its records, and finds the other again', async () => {
    const overlay = await ring('two', 2);
    const [first, second] = overlay.nodes as [SimulatedNode, SimulatedNode];
    await overlay.store(first, 'kept', 'value');
    part(overlay, [[first], [second]]);
    await overlay.clock.advance(60_000);
    for (const peer of [first, second]) {
      expect(peer.node.status()).toMatchObject({ disconnected: true, joined: true });
      expect(await overlay.fetch(peer, 'kept')).toBe('value');
    }
    overlay.network.heal();
    await overlay.clock.runUntil(() => overlay.isRing(), 120_000);
    expect([first, second].map(({ node }) => node.status().disconnected)).toEqual([false, false]);
  });
});

describe('a peer that lost all its successors', () => {
  it('R6940-10.7.1-08 pings the place after its own over a connection that is left, and sends a Join to who answers', async () => {
    const overlay = await ring('successors', 12);
    const [first, ...next] = ordered(overlay) as [SimulatedNode, ...SimulatedNode[]];
    const seen = tapWires(overlay);
    const { nodeId } = first.node;
    for (const successor of next.slice(0, 3)) successor.host.kill();
    await overlay.clock.runUntil(() => overlay.isRing(), 60_000);
    const own = seen.filter(({ from, header }) => from === nodeId && header.viaList.length === 0);
    const pinged = own.findIndex(({ code, header }) => {
      const [only, more] = header.destinationList;
      const place = resourceDestination(clockwise(nodeId, 1n));
      return code === MessageCode.pingReq && more === undefined && JSON.stringify(only) === JSON.stringify(place);
    });
    const joined = own.findIndex(({ code }) => code === MessageCode.joinReq);
    expect(pinged).toBeGreaterThanOrEqual(0);
    expect(joined).toBeGreaterThan(pinged);
    expect(own[joined]?.to).toBe(next[3]?.node.nodeId);
  });
});
