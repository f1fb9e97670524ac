import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { utf8 } from '#platform/bytes.ts';
import { decode } from '#reload/wire/codec.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { hashToResourceId, type NodeId, type ResourceId } from '#reload/wire/ids.ts';
import { storeReq } from '#reload/wire/store.ts';
import { decodeStoredData } from '#reload/wire/stored-data.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { TEST_EPOCH } from '../../support/overlay.ts';
import { type Member, StorageRing, TEST_KINDS } from './storage-ring.ts';

const ALICE = hashToResourceId('alice@home.example');
const { single, keyed } = TEST_KINDS;

let clock: VirtualClock;
let ring: StorageRing;
let alice: Member;

beforeEach(async () => {
  clock = new VirtualClock(TEST_EPOCH);
  ring = await StorageRing.create({ clock, peers: 6 });
  alice = await ring.addClient('alice');
});
afterEach(() => ring.stop());

function put(text: string, lifetimeSeconds = 600, key?: string) {
  const place = key === undefined ? ({ model: 'single' } as const) : ({ model: 'dictionary', key: utf8(key) } as const);
  const kind = key === undefined ? single.id : keyed.id;
  return clock.run(
    alice.client.store({ resource: ALICE, kind, values: [{ place, value: utf8(text) }], lifetimeSeconds }),
  );
}

async function held(at: NodeId, kind: number = single.id): Promise<string[]> {
  const { values } = await clock.run(alice.client.fetch({ resource: ALICE, kind, at }));
  return values.map(({ value }) => new TextDecoder().decode(value));
}

function stores() {
  return ring.trace
    .filter(({ request }) => request.code === MessageCode.storeReq)
    .map(({ from, to, request }) => ({
      from,
      to,
      type: request.destination[0]!.type,
      body: decode(storeReq, request.body),
    }));
}

describe('replication', () => {
  it('R6940-10.4-02 R6940-7.4.1.1-05 R6940-10.4-05 R6940-10.4-01 sends two copies, numbered 1 and 2, to the successors by Node-ID, and none further', async () => {
    const outcome = await put('a');
    const holder = ring.responsible(ALICE).nodeId;
    const replicas = ring.replicasOf(ALICE).map(({ nodeId }) => nodeId);
    expect(stores().map(({ from, to, type, body }) => [from, to, type, body.replicaNumber])).toEqual([
      [alice.nodeId, holder, 'resource', 0],
      [holder, replicas[0], 'node', 1],
      [holder, replicas[1], 'node', 2],
    ]);
    expect(outcome).toEqual({ generation: 1n, replicas });
    for (const nodeId of [holder, ...replicas]) expect(await held(nodeId)).toEqual(['a']);
    const others = ring.peers.filter(({ nodeId }) => nodeId !== holder && !replicas.includes(nodeId));
    for (const { nodeId } of others) expect(await held(nodeId)).toEqual([]);
  });

  it('R6940-7.4.1.2-01 lists the replicas for every Kind; R6940-7.4.1.1-14 they have the counter of the original', async () => {
    await put('a');
    await put('b');
    const outcome = await put('c');
    expect(outcome.replicas).toHaveLength(2);
    for (const at of outcome.replicas) {
      const fetched = await clock.run(alice.client.fetch({ resource: ALICE, kind: single.id, at }));
      expect(fetched.generation).toBe(3n);
    }
  });

  it('loses no acknowledged record when the responsible peer dies', async () => {
    await put('a');
    await put('v1', 600, 'k1');
    ring.dead.add(ring.responsible(ALICE).nodeId);
    const bob = await ring.addClient('bob');
    const { values } = await clock.run(bob.client.fetch({ resource: ALICE, kind: single.id }));
    expect(new TextDecoder().decode(values[0]!.value)).toBe('a');
    expect(values[0]!.signatory.certificate.userName).toBe('alice@home.example');
    expect(await held(ring.responsible(ALICE).nodeId, keyed.id)).toEqual(['v1']);
  });

  it('leaves out a replica that is gone and does not fail the Store', async () => {
    const [first, second] = ring.replicasOf(ALICE);
    const holder = ring.responsible(ALICE);
    first!.exchange.handle(MessageCode.storeReq, () => Promise.reject(new Error('broken')));
    expect((await put('a')).replicas).toEqual([second!.nodeId]);
    expect(await held(holder.nodeId)).toEqual(['a']);
  });

  it('answers after two seconds when a replica keeps silent', async () => {
    const [first] = ring.replicasOf(ALICE);
    first!.exchange.handle(MessageCode.storeReq, () => new Promise(() => {}));
    const begin = clock.now();
    await put('a');
    expect(clock.now() - begin).toBe(2000);
  });

  it('R6940-7.4.1.3-03 copies removals, also to a replica that missed what went before', async () => {
    await put('a');
    const [replica] = ring.replicasOf(ALICE);
    ring.dead.add(replica!.nodeId);
    for (const text of ['b', 'c']) await put(text);
    ring.dead.delete(replica!.nodeId);
    await clock.run(
      alice.client.store({
        resource: ALICE,
        kind: single.id,
        values: [{ place: { model: 'single' }, value: undefined }],
        lifetimeSeconds: 600,
      }),
    );
    const fetched = await clock.run(alice.client.fetch({ resource: ALICE, kind: single.id, at: replica!.nodeId }));
    expect(fetched).toMatchObject({ generation: 4n, values: [] });
  });
});

describe('handover', () => {
  const everything = () => true;

  it('R6940-7.4.1.1-23 R6940-7.4.1.1-24 copies records with the lifetime that is left and the certificates of their owners', async () => {
    await put('a', 3600);
    await clock.advance(100_000);
    const holder = ring.responsible(ALICE);
    const [to] = ring.replicasOf(ALICE);
    await clock.run(to!.storage.drop(everything));
    ring.trace.length = 0;
    await clock.run(holder.storage.copyTo(to!.nodeId, everything));
    const [copy] = stores();
    const [data] = decodeStoredData('single', copy!.body.kindData[0]!.values);
    expect([copy!.body.replicaNumber, copy!.body.kindData[0]!.generationCounter, data!.lifetime]).toEqual([
      1,
      1n,
      3500,
    ]);
    expect(await held(to!.nodeId)).toEqual(['a']);
  });

  it('copies only what belongs, splits what does not fit one message, and repeats nothing harmful', async () => {
    const holder = ring.responsible(ALICE);
    const [to] = ring.replicasOf(ALICE);
    await put('a');
    for (const key of ['k1', 'k2', 'k3', 'k4']) await put('x'.repeat(200), 600, key);
    await clock.run(to!.storage.drop(everything));
    ring.trace.length = 0;
    await clock.run(holder.storage.copyTo(to!.nodeId, () => false));
    expect(stores()).toEqual([]);
    const { current } = ring.overlay.source;
    ring.overlay.source.replace({
      configuration: { ...current, maxMessageSize: 3300 },
      document: ring.overlay.source.bytes,
    });
    await clock.run(holder.storage.copyTo(to!.nodeId, everything));
    expect(stores().length).toBeGreaterThan(2);
    expect((await held(to!.nodeId, keyed.id)).length).toBe(4);
    await clock.run(holder.storage.copyTo(to!.nodeId, everything));
    expect((await held(to!.nodeId, keyed.id)).length).toBe(4);
  });

  it('includes what is stored while the copy is going on, and shortly after', async () => {
    await put('before', 600, 'k1');
    const holder = ring.responsible(ALICE);
    const target = ring.peers.find(
      ({ nodeId }) => nodeId !== holder.nodeId && !ring.replicasOf(ALICE).some((r) => r.nodeId === nodeId),
    )!;
    const during = put('during', 600, 'k2');
    const copy = holder.storage.copyTo(target.nodeId, everything);
    await Promise.all([during, clock.run(copy)]);
    await put('after', 600, 'k3');
    await clock.advance(100);
    expect((await held(target.nodeId, keyed.id)).sort()).toEqual(['after', 'before', 'during']);
  });

  it('R6940-7.4.1.1-25 R6940-7.4.1.1-26 R6940-6.4.2.3-02 takes over later values of the other side and gives it those that are later here', async () => {
    await put('old', 600, 'k1');
    await put('old', 600, 'k2');
    const holder = ring.responsible(ALICE);
    const [other] = ring.replicasOf(ALICE);
    // Two partitions: each side gets another later value.
    ring.dead.add(other!.nodeId);
    await put('later here', 600, 'k1');
    ring.dead.delete(other!.nodeId);
    ring.dead.add(holder.nodeId);
    await put('later there', 600, 'k2');
    ring.dead.delete(holder.nodeId);
    await clock.run(holder.storage.copyTo(other!.nodeId, everything));
    for (const { nodeId } of [holder, other!]) {
      expect((await held(nodeId, keyed.id)).sort()).toEqual(['later here', 'later there']);
    }
  });

  it('R6940-10.7.3-08 deletes what this peer is no longer to hold', async () => {
    await put('a');
    const [replica] = ring.replicasOf(ALICE);
    await clock.run(replica!.storage.drop((resource: ResourceId) => resource !== ALICE));
    expect(await held(replica!.nodeId)).toEqual(['a']);
    await clock.run(replica!.storage.drop((resource: ResourceId) => resource === ALICE));
    expect(await held(replica!.nodeId)).toEqual([]);
    expect(replica!.storage.recordCount).toBe(0);
  });
});
