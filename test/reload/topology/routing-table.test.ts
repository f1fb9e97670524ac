import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { distance, fingerRange, fromNumber, within } from '#reload/topology/chord/ring.ts';
import { RoutingTable } from '#reload/topology/chord/routing-table.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';
import { SeededRandom } from '../../simulation/seeded-random.ts';

/** A number is a part of the ring in 256ths, so that few peers look like few; a big integer is a place. */
const place = (value: bigint | number) => fromNumber(typeof value === 'number' ? BigInt(value) << 120n : value);
const node = (value: bigint | number) => place(value) as string as NodeId;

function tableOf(self: number | NodeId, peers: readonly (number | NodeId)[]): RoutingTable {
  const id = (given: number | NodeId) => (typeof given === 'number' ? node(given) : given);
  const table = new RoutingTable(id(self), { neighboursPerSide: 3 });
  for (const peer of peers) table.enter(id(peer));
  return table;
}

function randomNodes(random: SeededRandom, count: number): NodeId[] {
  return Array.from({ length: count }, () => Buffer.from(random.bytes(16)).toString('hex') as NodeId);
}

describe('routing table', () => {
  it('R6940-10.1-02 lists three predecessors and three successors by ring distance, nearest first', () => {
    const table = tableOf(50, [10, 20, 30, 40, 60, 70, 80, 90]);
    expect(table.neighbours()).toEqual({
      predecessors: [node(40), node(30), node(20)],
      successors: [node(60), node(70), node(80)],
    });
  });

  it('R6940-10.7.3-05 never holds its own id, and in a ring of two has the other one on both sides', () => {
    const table = tableOf(50, [50, 60]);
    expect(table.neighbours()).toEqual({ predecessors: [node(60)], successors: [node(60)] });
  });

  it('R6940-10.7.1-01 replaces a lost neighbour by the best match among the others', () => {
    const table = tableOf(50, [10, 20, 30, 40, 60, 70, 80, 90]);
    table.remove(node(60));
    expect(table.neighbours().successors).toEqual([node(70), node(80), node(90)]);
  });

  it('R6940-10.7.3-03 remembers a closer peer before the ones it makes inferior', () => {
    const table = tableOf(50, [60, 70, 80]);
    table.enter(node(65));
    expect(table.neighbours().successors).toEqual([node(60), node(65), node(70)]);
    expect(table.has(node(80))).toBe(true);
  });

  it('R6940-10.3-02 R6940-10.3-03 chooses the closest preceding peer, else the first one behind the target, as an oracle does', () => {
    const random = new SeededRandom('next hop');
    for (let round = 0; round < 10_000; round++) {
      const [self, target, ...peers] = randomNodes(random, 3 + (round % 9)) as [NodeId, NodeId, ...NodeId[]];
      const before = peers.filter((peer) => within(peer, self, target));
      const candidates = before.length > 0 ? before : peers;
      const gap = (peer: NodeId) => (before.length > 0 ? distance(peer, target) : distance(target, peer));
      const oracle = candidates.reduce((best, peer) => (gap(peer) < gap(best) ? peer : best));
      const table = tableOf(self, peers);
      // Past its last peer the node itself is responsible and is not asked.
      const isOwn = before.length === 0 ? false : within(target, table.predecessor()!, self);
      if (!isOwn) expect(table.nextHop(target)).toBe(oracle);
    }
  });

  it('R6940-10.3-03 leads every lookup in a stable ring of fifty to the responsible peer without a loop', () => {
    const random = new SeededRandom('ring of fifty');
    const ring = randomNodes(random, 50).sort();
    const tables = new Map(ring.map((self, i) => [self, tableWithFingers(ring, self, i)]));
    let hops = 0;
    for (let round = 0; round < 500; round++) {
      const [target, from] = [randomNodes(random, 1)[0]!, ring[round % 50]!];
      const owner = ring.find((peer) => peer >= target) ?? ring[0]!;
      let at = from;
      let previous: NodeId | undefined;
      const seen = new Set<NodeId>();
      while (at !== owner) {
        expect(seen.has(at)).toBe(false);
        seen.add(at);
        const next = tables.get(at)!.nextHop(target, previous);
        previous = at;
        at = next!;
        hops++;
      }
    }
    expect(hops / 500).toBeLessThan(0.5 * Math.log2(50) + 1);
  });

  it('does not hand a message back to the previous hop, but to the peer behind the target', () => {
    // 20 passed on a message for 40 because it does not know 45, which joined just now.
    const table = tableOf(50, [20, 45, 70]);
    expect(table.nextHop(place(40), node(20))).toBe(node(45));
    expect(tableOf(50, [20, 70]).nextHop(place(20), node(20))).toBe(node(20));
    expect(tableOf(10, [30]).nextHop(place(40), node(30))).toBe(undefined);
  });

  it('R6940-6.6-06 R6940-6.6.3.1-12 routes nothing over a suspect peer, keeps it as neighbour, and uses it again afterwards', () => {
    const table = tableOf(50, [60, 70, 80]);
    table.suspect(node(70), true);
    expect(table.nextHop(place(75))).toBe(node(60));
    expect(table.neighbours().successors).toEqual([node(60), node(70), node(80)]);
    table.suspect(node(70), false);
    expect(table.nextHop(place(75))).toBe(node(70));
  });

  it('R6940-10.7.2-01 falls back to the closest preceding peer for a finger whose peer failed', () => {
    const [self, far, near] = [node(0), node((1n << 127n) + 5n), node(1n << 100n)];
    const table = tableOf(self, [far, near]);
    expect(table.finger(1)).toEqual({ node: far, valid: true });
    table.remove(far);
    expect(table.finger(1)).toEqual({ node: near, valid: false });
  });

  it('R6940-10.7.4.3-02 R6940-10.7-02 can hold 128 fingers and lists them in ascending order', () => {
    const self = node(1n << 120n);
    const peers = Array.from({ length: 128 }, (_, i) => fingerRange(self, i + 1).first as string as NodeId);
    const fingers = tableOf(self, peers).fingers();
    expect(fingers).toHaveLength(128);
    expect(fingers).toEqual([...fingers].sort());
  });

  it('R6940-7.4.1.1-12 R6940-10.4-03 expects copies from the replica set or closer, as an oracle over all ring positions does', () => {
    const ring = [10, 20, 30, 40, 50, 60, 70, 80].map(node);
    const resource = place(35) as ResourceId;
    const replicaSet = [node(40), node(50), node(60)];
    for (const self of replicaSet) {
      const table = tableOf(self, ring);
      for (let from = 1; from < 100; from++) {
        const sender = node(from);
        const isCloser = replicaSet.some((member) => distance(resource, sender) < distance(resource, member));
        if (sender !== self) {
          expect(table.expectsReplica(resource, sender, true)).toBe(replicaSet.includes(sender) || isCloser);
        }
      }
    }
  });

  it('R6940-7.4.1.1-07 expects no copy of what lies on the other side of the ring', () => {
    const table = tableOf(80, [10, 20, 30, 40, 50, 60, 70]);
    expect(table.expectsReplica(place(15), node(20), true)).toBe(false);
  });

  it('R6940-10.7.3-08 sees when three predecessors lie between a resource and itself', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 99 }), (resource) => {
        const table = tableOf(80, [20, 40, 60]);
        expect(table.isBeyondReplicas(place(resource))).toBe(resource <= 20 || resource > 80);
      }),
    );
    expect(tableOf(80, [40, 60]).isBeyondReplicas(place(30))).toBe(false);
  });
});

function tableWithFingers(ring: readonly NodeId[], self: NodeId, i: number): RoutingTable {
  const table = new RoutingTable(self, { neighboursPerSide: 3 });
  for (let step = 1; step <= 3; step++) {
    table.enter(ring[(i + step) % ring.length]!);
    table.enter(ring[(i - step + ring.length) % ring.length]!);
  }
  for (let finger = 1; finger <= 16; finger++) {
    const { first } = fingerRange(self, finger);
    table.enter(ring.find((peer) => (peer as string) >= first) ?? ring[0]!);
  }
  return table;
}
