import { beforeEach, describe, expect, it } from 'vitest';
import { hashToResourceId, type NodeId, type ResourceId } from '#reload/wire/ids.ts';
import { type SimulatedNode, SimulatedOverlay } from '../../simulation/simulated-overlay.ts';

const RECORDS = Array.from({ length: 24 }, (_, i) => `record ${i}`);
const SETTLED_MS = 10_000;
/** Twice the hold-down, and time to work. */
const DROPPED_MS = 90_000;

/** Peers on a simulated network; who holds what is read from their stores. */
describe('replica sets of a ring that changes', () => {
  let overlay: SimulatedOverlay;
  beforeEach(async () => {
    overlay = await SimulatedOverlay.create({ seed: 'replica sets', signatures: 'keyed' });
    await overlay.grow(6);
    for (const name of RECORDS) await overlay.store(overlay.nodes[0]!, name, name);
    await overlay.clock.advance(DROPPED_MS);
  });

  /** Clockwise, beginning with the peer that answers for the resource. */
  function peersFrom(resource: ResourceId): readonly SimulatedNode[] {
    const ring = [...overlay.living].sort((a, b) => (a.node.nodeId < b.node.nodeId ? -1 : 1));
    const at = Math.max(
      0,
      ring.findIndex(({ node }) => node.nodeId >= (resource as string)),
    );
    return [...ring.slice(at), ...ring.slice(0, at)];
  }

  function holdersOf(resource: ResourceId): readonly SimulatedNode[] {
    return peersFrom(resource).filter(({ node }) => node.recordNames(1000).some((held) => held.resource === resource));
  }

  function between(a: NodeId, b: NodeId): NodeId {
    const [from, to] = [BigInt(`0x${a}`), BigInt(`0x${b}`)];
    const span = (to - from + 2n ** 128n) % 2n ** 128n;
    return ((from + span / 2n) % 2n ** 128n).toString(16).padStart(32, '0') as NodeId;
  }

  /** The peer that answers for most records, the two after it, and its records. */
  function busiest() {
    const byOwner = new Map<SimulatedNode, string[]>();
    for (const name of RECORDS) {
      const [owner] = peersFrom(hashToResourceId(name));
      byOwner.set(owner!, [...(byOwner.get(owner!) ?? []), name]);
    }
    const [owner, names] = [...byOwner].sort(([, a], [, b]) => b.length - a.length)[0]!;
    const [, first, second] = peersFrom(owner.node.nodeId as string as ResourceId);
    return { owner, names, first: first!, second: second! };
  }

  it('R6940-10.7.3-06 a peer that becomes second successor gets all that the peer before it answers for', async () => {
    const { owner, names, first, second } = busiest();
    const third = peersFrom(second.node.nodeId as string as ResourceId)[1]!;
    const resources = names.map((name) => hashToResourceId(name));
    for (const resource of resources) expect(holdersOf(resource)).toEqual([owner, first, second]);
    second.host.kill();
    await overlay.clock.advance(DROPPED_MS);
    for (const resource of resources) expect(holdersOf(resource)).toEqual([owner, first, third]);
    for (const name of names) expect(await overlay.fetch(owner, name, third.node.nodeId)).toBe(name);
  });

  it('R6940-10.7.3-07 a peer that is second successor no more keeps its copies, as far as the responsible peer goes', async () => {
    const { owner, names, first, second } = busiest();
    const resources = names.map((name) => hashToResourceId(name));
    for (const resource of resources) expect(holdersOf(resource)).toEqual([owner, first, second]);
    const nodeId = between(first.node.nodeId, second.node.nodeId);
    const newcomer = await overlay.add('newcomer', { nodeId });
    await overlay.clock.advance(SETTLED_MS);
    for (const name of names) {
      expect(await overlay.fetch(owner, name, nodeId)).toBe(name);
      expect(await overlay.fetch(owner, name, second.node.nodeId)).toBe(name);
    }
    for (const resource of resources) expect(holdersOf(resource)).toEqual([owner, first, newcomer, second]);
  });

  it('R6940-10.5-09 R6940-10.7.3-08 a peer forgets what others answer for once it is in no replica set of it, and three copies remain', async () => {
    const { owner: admitting } = busiest();
    const before = RECORDS.filter((name) => holdersOf(hashToResourceId(name)).includes(admitting));
    const [, ...others] = peersFrom(admitting.node.nodeId as string as ResourceId);
    const nodeId = between(others.at(-1)!.node.nodeId, admitting.node.nodeId);
    await overlay.add('newcomer', { nodeId });
    await overlay.clock.advance(DROPPED_MS);
    for (const name of RECORDS) {
      const resource = hashToResourceId(name);
      expect(holdersOf(resource)).toEqual(peersFrom(resource).slice(0, 3));
    }
    const after = RECORDS.filter((name) => holdersOf(hashToResourceId(name)).includes(admitting));
    expect(after.length).toBeLessThan(before.length);
  });
});
