import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '#platform/log.ts';
import { RedirLookup, RedirRegistration } from '#reload/usages/redir/redir-service.ts';
import { treeNodeResource } from '#reload/usages/redir/redir-tree.ts';
import { decode } from '#reload/wire/codec.ts';
import { KindId, MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination } from '#reload/wire/destination.ts';
import { fetchReq } from '#reload/wire/fetch.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { storeReq } from '#reload/wire/store.ts';
import { decodeStoredData } from '#reload/wire/stored-data.ts';
import { SeededRandom } from '../../../simulation/seeded-random.ts';
import { VirtualClock } from '../../../simulation/virtual-clock.ts';
import { TEST_EPOCH } from '../../../support/overlay.ts';
import { type Member, StorageRing } from '../../storage/storage-ring.ts';

const NAMESPACE = 'voice-mail';

let clock: VirtualClock;
let ring: StorageRing;

beforeEach(async () => {
  clock = new VirtualClock(TEST_EPOCH);
  ring = await StorageRing.create({ clock, peers: 3 });
});
afterEach(() => ring.stop());

async function member(first: string): Promise<Member> {
  const nodeId = first.padEnd(32, '7') as NodeId;
  return ring.clientOf(await ring.overlay.identity(`user-${first}`, { nodeId }));
}

function registration({ client }: Member, options: { namespace?: string; via?: NodeId } = {}) {
  const deps = { records: client, configuration: ring.overlay.source, clock, log: silentLogger };
  const destinations = options.via && [nodeDestination(options.via), nodeDestination(client.nodeId)];
  return new RedirRegistration(deps, {
    namespace: options.namespace ?? NAMESPACE,
    ...(destinations === undefined ? {} : { destinations }),
  });
}

function lookup({ client }: Member): RedirLookup {
  return new RedirLookup({ records: client, configuration: ring.overlay.source, random: new SeededRandom('lookup') });
}

/** Dictionary entries of REDIR stores in the trace. */
function storedRecords() {
  return ring.trace
    .filter(({ request }) => request.code === MessageCode.storeReq && request.destination[0]?.type === 'resource')
    .map(({ request }) => decode(storeReq, request.body))
    .flatMap(({ resource, kindData }) =>
      kindData.flatMap(({ kind, generationCounter, values }) =>
        decodeStoredData('dictionary', values).map((data) => ({ resource, kind, generationCounter, data })),
      ),
    );
}

describe('ReDiR in an overlay', () => {
  it('R7374-1-01 R7374-4.3-03 R7374-4.4-02 registers by wildcard Fetches and unconditional Stores of 600 s', async () => {
    const provider = await member('20');
    await clock.run(registration(provider).start());
    const codes = new Set(ring.trace.map(({ request }) => request.code));
    expect([...codes].sort()).toEqual([MessageCode.storeReq, MessageCode.fetchReq]);
    const fetches = ring.trace.filter(({ request }) => request.code === MessageCode.fetchReq);
    expect(decode(fetchReq, fetches[0]!.request.body)).toEqual({
      resource: treeNodeResource(NAMESPACE, { level: 2, node: 12 }),
      specifiers: [{ kind: KindId.redir, generation: 0n, modelSpecifier: new Uint8Array(2) }],
    });
    expect(
      storedRecords().map(({ resource, generationCounter, data }) => [resource, generationCounter, data.lifetime]),
    ).toEqual([
      [treeNodeResource(NAMESPACE, { level: 2, node: 12 }), 0n, 600],
      [treeNodeResource(NAMESPACE, { level: 1, node: 1 }), 0n, 600],
      [treeNodeResource(NAMESPACE, { level: 0, node: 0 }), 0n, 600],
    ]);
  });

  it('R7374-3-05 R7374-4.1-03 R7374-7.2-01 finds the closest successor and how to reach it', async () => {
    const providers = await Promise.all(['20', '80', 'c0'].map(member));
    const relay = ring.peers[0]!.nodeId;
    for (const provider of providers) await clock.run(registration(provider, { via: relay }).start());
    const searcher = lookup(await member('50'));
    const find = (key: string) =>
      clock.run(searcher.find({ namespace: NAMESPACE, key: key.padEnd(32, '0') as NodeId }));
    expect(await find('50')).toEqual({
      nodeId: providers[1]!.nodeId,
      destinations: [nodeDestination(relay), nodeDestination(providers[1]!.nodeId)],
      userName: 'user-80@home.example',
    });
    expect((await find('81'))?.nodeId).toBe(providers[2]!.nodeId);
    expect(providers.map(({ nodeId }) => nodeId)).toContain((await find('f0'))?.nodeId);
    expect(await clock.run(searcher.find({ namespace: 'turn-server', key: relay }))).toBeUndefined();
  });

  it('passes over itself and over those that were tried', async () => {
    const providers = await Promise.all(['20', '80'].map(member));
    for (const provider of providers) await clock.run(registration(provider).start());
    const [low, high] = providers;
    const search = { namespace: NAMESPACE, key: low!.nodeId };
    expect((await clock.run(lookup(low!).find(search)))?.nodeId).toBe(high!.nodeId);
    const tried = new Set([high!.nodeId]);
    expect(await clock.run(lookup(low!).find({ ...search, exclude: tried }))).toBeUndefined();
  });

  it('R7374-4.4-03 R7374-4.4-04 registers anew after 540 s, so that it never expires', async () => {
    const provider = await member('20');
    const other = await member('50');
    const service = registration(provider);
    await clock.run(service.start());
    const before = storedRecords().length;
    await clock.advance(539_000);
    expect(storedRecords()).toHaveLength(before);
    await clock.advance(2_000);
    expect(storedRecords()).toHaveLength(2 * before);
    await clock.advance(3_600_000);
    expect((await clock.run(lookup(other).find({ namespace: NAMESPACE, key: other.nodeId })))?.nodeId).toBe(
      provider.nodeId,
    );
    await clock.run(service.stop());
  });

  it('R7374-4.4-01 is forgotten when it is not refreshed', async () => {
    const provider = await member('20');
    const other = await member('50');
    const service = registration(provider);
    await clock.run(service.start());
    for (const { nodeId } of [provider]) ring.dead.add(nodeId);
    await clock.advance(601_000);
    expect(await clock.run(lookup(other).find({ namespace: NAMESPACE, key: other.nodeId }))).toBeUndefined();
  });

  it('R7374-4.6-01 overwrites its record on every level when it leaves', async () => {
    const [first, second] = await Promise.all(['20', '21'].map(member));
    const other = await member('50');
    const service = registration(second!);
    await clock.run(registration(first!).start());
    ring.trace.length = 0;
    await clock.run(service.start());
    const written = new Set(
      storedRecords()
        .filter(({ data }) => data.value.exists)
        .map(({ resource }) => resource),
    );
    ring.trace.length = 0;
    await clock.run(service.stop());
    const removals = storedRecords();
    expect(new Set(removals.map(({ resource }) => resource))).toEqual(written);
    expect(removals.every(({ data }) => !data.value.exists && data.lifetime >= 600)).toBe(true);
    expect((await clock.run(lookup(other).find({ namespace: NAMESPACE, key: first!.nodeId })))?.nodeId).toBe(
      first!.nodeId,
    );
    expect(service.isPublished).toBe(false);
  });

  it('tries again when the overlay could not be reached', async () => {
    const provider = await member('20');
    const service = registration(provider);
    ring.dead.add(provider.nodeId);
    await clock.run(service.start());
    expect(service.isPublished).toBe(false);
    ring.dead.delete(provider.nodeId);
    await clock.advance(5_000);
    expect(service.isPublished).toBe(true);
  });

  it('R7374-4.2-01 R7374-4.2-03 begins at level 2, later where most of the last lookups ended', async () => {
    for (const first of ['20', '80', 'c0']) await clock.run(registration(await member(first)).start());
    const searcher = lookup(await member('50'));
    const firstLevelOf = async (key: string) => {
      ring.trace.length = 0;
      await clock.run(searcher.find({ namespace: NAMESPACE, key: key.padEnd(32, '0') as NodeId }));
      const { resource } = decode(fetchReq, ring.trace[0]!.request.body);
      return [0, 1, 2].find((level) =>
        Array.from({ length: 10 ** level }, (_, node) => treeNodeResource(NAMESPACE, { level, node })).includes(
          resource,
        ),
      );
    };
    expect(await firstLevelOf('50')).toBe(2);
    expect(await firstLevelOf('50')).toBe(0);
  });

  it.each(['', 'a\u0000b', '\ud800', 'x'.repeat(1001)])('refuses the namespace %j', async (namespace) => {
    const provider = await member('20');
    expect(() => registration(provider, { namespace })).toThrow(RangeError);
  });
});
