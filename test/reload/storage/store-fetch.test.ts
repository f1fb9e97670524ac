import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { utf8 } from '#platform/bytes.ts';
import { valueSignatureInput } from '#reload/security/value-signature-input.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { ErrorCode, MessageCode } from '#reload/wire/codes.ts';
import { resourceDestination } from '#reload/wire/destination.ts';
import { encodeModelSpecifier, fetchAns, fetchReq } from '#reload/wire/fetch.ts';
import { storeAns, storeReq } from '#reload/wire/store.ts';
import { absentData, decodeStoredData, type StoredData } from '#reload/wire/stored-data.ts';
import { ALICE, AliceRing, dictionaryValue, error, index, key, SINGLE } from './alice.ts';
import { TEST_KINDS } from './storage-ring.ts';

let world: AliceRing;
let { clock, ring, alice } = {} as AliceRing;

async function begin(options: Parameters<typeof AliceRing.create>[0]) {
  world = await AliceRing.create(options);
  ({ clock, ring, alice } = world);
}
beforeEach(() => begin({ peers: 5 }));
afterEach(() => ring.stop());

const store = (...args: Parameters<AliceRing['store']>) => world.store(...args);
const texts = (...args: Parameters<AliceRing['texts']>) => world.texts(...args);
const rawStore = (...args: Parameters<AliceRing['rawStore']>) => world.rawStore(...args);
const signed = (...args: Parameters<AliceRing['signed']>) => world.signed(...args);

/** What a Fetch of these array elements answers, places that hold nothing included. */
async function readArray(first: number, last: number): Promise<readonly StoredData[]> {
  const kind = TEST_KINDS.array.id;
  const modelSpecifier = encodeModelSpecifier({ model: 'array', indices: [{ first, last }] });
  const body = encode(fetchReq, { resource: ALICE, specifiers: [{ kind, generation: 0n, modelSpecifier }] });
  const destination = [resourceDestination(ALICE)];
  const answer = await clock.run(alice.exchange.request({ destination, code: MessageCode.fetchReq, body }));
  return decodeStoredData('array', decode(fetchAns, answer.body).kindResponses[0]!.values);
}

describe('Store and Fetch', () => {
  it('R6940-7.2.1-01 R6940-7.4.1.1-27 R6940-7.4.1.1-20 keep one single value, the last one stored', async () => {
    await store(TEST_KINDS.single.id, [[SINGLE, 'a']]);
    await store(TEST_KINDS.single.id, [[SINGLE, 'b']]);
    expect(await texts(TEST_KINDS.single.id)).toEqual(['b']);
    await store(TEST_KINDS.single.id, [[SINGLE, '']]);
    expect(await texts(TEST_KINDS.single.id)).toEqual(['']);
    expect((await world.rawFetch(TEST_KINDS.single.id)).data.value.exists).toBe(true);
    await store(TEST_KINDS.single.id, [[SINGLE, undefined]]);
    expect(await texts(TEST_KINDS.single.id)).toEqual([]);
    expect((await world.rawFetch(TEST_KINDS.single.id)).data.value.exists).toBe(false);
  });

  it('R6940-7.2.2-01 R6940-7.4.1.1-28 R6940-8-03 append to arrays at consecutive indices, insert and replace at given ones', async () => {
    await store(TEST_KINDS.array.id, [[index('append'), 'zero']]);
    await store(TEST_KINDS.array.id, [[index('append'), 'one']]);
    await store(TEST_KINDS.array.id, [[index(4), 'four']]);
    await store(TEST_KINDS.array.id, [[index('append'), 'five']]);
    await store(TEST_KINDS.array.id, [[index(0), 'ZERO']]);
    const { values } = await clock.run(alice.client.fetch({ resource: ALICE, kind: TEST_KINDS.array.id }));
    expect(values.map((v) => [v.place, new TextDecoder().decode(v.value)])).toEqual([
      [index(0), 'ZERO'],
      [index(1), 'one'],
      [index(4), 'four'],
      [index(5), 'five'],
    ]);
    const read = await readArray(0, 9);
    expect(read.map(({ value }) => value.exists)).toEqual([true, true, false, false, true, true]);
    expect(read[2]).toEqual(absentData({ model: 'array', index: 2 }));
  });

  it('append once what is sent twice, since its owner had no answer', async () => {
    const kind = TEST_KINDS.array.id;
    const appended = (time: bigint) =>
      signed(kind, '', { time, value: { model: 'array', index: 0xffffffff, exists: true, value: utf8('once') } });
    const value = appended(1000n);
    await rawStore(alice, [{ kind, values: [value] }]);
    await rawStore(alice, [{ kind, values: [value] }]);
    expect(await texts(kind)).toEqual(['once']);
    await rawStore(alice, [{ kind, values: [appended(1001n)] }]);
    expect(await texts(kind)).toEqual(['once', 'once']);
  });

  it('R6940-7.2.3-01 R6940-7.4.1.1-29 R6940-7.4.2.1-05 keep one value a dictionary key', async () => {
    await store(TEST_KINDS.keyed.id, [
      [key('k1'), 'a'],
      [key('k2'), 'b'],
    ]);
    await store(TEST_KINDS.keyed.id, [[key('k1'), 'c']]);
    expect(await texts(TEST_KINDS.keyed.id)).toEqual(['c', 'b']);
    expect(await texts(TEST_KINDS.keyed.id, { keys: [utf8('k2'), utf8('absent')] })).toEqual(['b']);
  });

  it('R6940-7.4.1.1-21 R6940-7.4.1.1-22 count generations from 1 on, one up for every Store that changes something', async () => {
    const kind = TEST_KINDS.keyed.id;
    const entry = (k: string, time: bigint) => signed(kind, '', { time, value: dictionaryValue(k, k) });
    const generationOf = async (...values: StoredData[]) =>
      decode(storeAns, (await rawStore(alice, [{ kind, values }])).body).kindResponses[0]?.generationCounter;
    expect(await generationOf(entry('a', 1000n))).toBe(1n);
    expect(await generationOf(entry('a', 2000n), entry('b', 2000n))).toBe(2n);
    await expect(generationOf(entry('a', 3000n), entry('b', 1999n))).rejects.toMatchObject(error(ErrorCode.dataTooOld));
    const { generation } = await clock.run(alice.client.fetch({ resource: ALICE, kind }));
    expect(generation).toBe(2n);
    expect(await generationOf(entry('b', 4000n))).toBe(3n);
  });

  it('R6940-7.1-03 R6940-7.4.2.2-06 take a value that outlives the certificate of its signer, and keep it until it expires by itself', async () => {
    const kind = TEST_KINDS.single.id;
    const shortly = ring.clientOf(await ring.overlay.identity('alice', { validityDays: 1 }));
    const DAY = 86_400;
    const values = [signed(kind, 'outlives', { by: shortly, lifetime: 3 * DAY })];
    await rawStore(shortly, [{ kind, values }], { certificates: [shortly.identity.certificate.der] });
    expect(await texts(kind)).toEqual(['outlives']);
    await clock.advance(2 * DAY * 1000);
    // Still there, but nobody can check it any more.
    const fetched = await clock.run(alice.client.fetch({ resource: ALICE, kind }));
    expect(fetched).toMatchObject({ generation: 1n, values: [], partial: true });
    await clock.advance(DAY * 1000 + 1);
    const gone = await clock.run(alice.client.fetch({ resource: ALICE, kind }));
    expect(gone).toMatchObject({ values: [], partial: false });
  });

  it('R6940-6.3.4-04 keep the certificate of the signer for newcomers that never met it, at replicas too', async () => {
    await store(TEST_KINDS.single.id, [[SINGLE, 'a']]);
    const newcomer = await ring.addClient('bob');
    const holder = ring.responsible(ALICE);
    const ask = () => clock.run(newcomer.client.fetch({ resource: ALICE, kind: TEST_KINDS.single.id }));
    for (const dead of [undefined, holder, ring.replicasOf(ALICE)[0]!]) {
      if (dead !== undefined) ring.dead.add(dead.nodeId);
      const { values, partial } = await ask();
      expect([values.map(({ signatory }) => signatory.nodeId), partial]).toEqual([[alice.nodeId], false]);
    }
  });

  it('R6940-7-06 keep Kinds at one Resource-ID apart, each with its own generation counter', async () => {
    await store(TEST_KINDS.single.id, [[SINGLE, 'a']]);
    await store(TEST_KINDS.single.id, [[SINGLE, 'b']]);
    await store(TEST_KINDS.array.id, [[index(0), 'c']]);
    const generation = async (kind: number) =>
      (await clock.run(alice.client.fetch({ resource: ALICE, kind }))).generation;
    expect([
      await generation(TEST_KINDS.single.id),
      await generation(TEST_KINDS.array.id),
      await generation(TEST_KINDS.keyed.id),
    ]).toEqual([2n, 1n, 0n]);
  });

  it('R6940-7.4.2.2-04 R6940-7.4.1.3-01 R6940-7.4.1.3-03 return removals with the signature of the owner, until they expire too', async () => {
    const kind = TEST_KINDS.single.id;
    await store(kind, [[SINGLE, 'a']]);
    await store(kind, [[SINGLE, undefined]]);
    const { data, certificates } = await world.rawFetch(kind);
    expect(data.value).toEqual({ model: 'single', exists: false, value: new Uint8Array() });
    const input = valueSignatureInput({ resource: ALICE, kind, storageTime: data.storageTime, value: data.value });
    expect(ring.overlay.verifier().verify(data.signature, certificates, input).nodeId).toBe(alice.nodeId);
    expect(await texts(kind)).toEqual([]);
    await expect(rawStore(alice, [{ kind, values: [signed(kind, 'replayed')] }])).rejects.toMatchObject(
      error(ErrorCode.dataTooOld),
    );
    await clock.advance(601_000);
    expect((await world.rawFetch(kind)).data).toEqual(absentData({ model: 'single' }));
  });

  it('R6940-7-05 R6940-7-03 forget a value when its lifetime is over, whatever the storage time says', async () => {
    await rawStore(alice, [
      { kind: TEST_KINDS.single.id, values: [signed(TEST_KINDS.single.id, 'x', { lifetime: 10 })] },
    ]);
    await clock.advance(9_000);
    const { values } = await clock.run(alice.client.fetch({ resource: ALICE, kind: TEST_KINDS.single.id }));
    expect(values[0]).toMatchObject({ lifetimeSeconds: 1, storageTime: 1000n });
    await clock.advance(1_001);
    expect((await world.rawFetch(TEST_KINDS.single.id)).data).toEqual(absentData({ model: 'single' }));
    await clock.advance(61_000);
    expect(ring.responsible(ALICE).storage.recordCount).toBe(0);
  });

  it('R6940-7.4.1.3-04 leave a gap where one element of an array has expired', async () => {
    await store(TEST_KINDS.array.id, [
      [index(0), 'a'],
      [index(2), 'c'],
    ]);
    await store(TEST_KINDS.array.id, [[index(1), 'b']], { lifetimeSeconds: 5 });
    await clock.advance(6_000);
    const read = await readArray(0, 2);
    expect(read.map(({ value }) => value.exists)).toEqual([true, false, true]);
    expect(read[1]).toEqual(absentData({ model: 'array', index: 1 }));
    // A copy of the whole has no trace of it.
    ring.trace.length = 0;
    const stranger = ring.peers.find(({ nodeId }) => nodeId !== ring.responsible(ALICE).nodeId)!;
    await clock.run(ring.responsible(ALICE).storage.copyTo(stranger.nodeId, () => true));
    const copied = decode(storeReq, ring.trace[0]!.request.body).kindData[0]!.values;
    expect(decodeStoredData('array', copied).map(({ value }) => 'index' in value && value.index)).toEqual([0, 2]);
  });
});
