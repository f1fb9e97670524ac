import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { utf8 } from '#platform/bytes.ts';
import { createSigner } from '#reload/security/signer.ts';
import { valueSignatureInput } from '#reload/security/value-signature-input.ts';
import type { Place, StoreRequest } from '#reload/storage/record-client.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { ErrorCode, MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination, resourceDestination } from '#reload/wire/destination.ts';
import { unknownKinds } from '#reload/wire/error.ts';
import { fetchAns, fetchReq } from '#reload/wire/fetch.ts';
import { hashToResourceId, idBytes } from '#reload/wire/ids.ts';
import { storeAns, storeReq } from '#reload/wire/store.ts';
import { absentData, decodeStoredData, encodeStoredData, type StoredData } from '#reload/wire/stored-data.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { TEST_EPOCH } from '../../support/overlay.ts';
import { type Member, StorageRing, TEST_KINDS } from './storage-ring.ts';

const SINGLE: Place = { model: 'single' };
const index = (i: number | 'append'): Place => ({ model: 'array', index: i });
const key = (text: string): Place => ({ model: 'dictionary', key: utf8(text) });

let clock: VirtualClock;
let ring: StorageRing;
let alice: Member;
const ALICE = hashToResourceId('alice@home.example');

beforeEach(async () => {
  clock = new VirtualClock(TEST_EPOCH);
  ring = await StorageRing.create({ clock, peers: 5 });
  alice = await ring.addClient('alice');
});
afterEach(() => ring.stop());

function store(kind: number, values: [Place, string | undefined][], more: Partial<StoreRequest> = {}, who = alice) {
  return clock.run(
    who.client.store({
      resource: ALICE,
      kind,
      values: values.map(([place, text]) => ({ place, value: text === undefined ? undefined : utf8(text) })),
      lifetimeSeconds: 600,
      ...more,
    }),
  );
}

async function texts(kind: number, options: Partial<Parameters<Member['client']['fetch']>[0]> = {}) {
  const { values } = await clock.run(alice.client.fetch({ resource: ALICE, kind, ...options }));
  return values.map(({ value }) => new TextDecoder().decode(value));
}

/** Sends a StoreReq past all checks of the client. */
function rawStore(
  from: Member,
  kinds: readonly { kind: number; generation?: bigint; values: readonly StoredData[] }[],
  options: { replica?: number; to?: Member; certificates?: readonly Uint8Array[] } = {},
) {
  const body = encode(storeReq, {
    resource: ALICE,
    replicaNumber: options.replica ?? 0,
    kindData: kinds.map(({ kind, generation, values }) => ({
      kind,
      generationCounter: generation ?? 0n,
      values: encodeStoredData(values[0]?.value.model ?? 'single', values),
    })),
  });
  const destination = [options.to === undefined ? resourceDestination(ALICE) : nodeDestination(options.to.nodeId)];
  const certificates = options.certificates ?? [alice.identity.certificate.der];
  return clock.run(from.exchange.request({ destination, code: MessageCode.storeReq, body, certificates }));
}

function signed(
  kind: number,
  text: string,
  options: { time?: bigint; by?: Member; value?: StoredData['value']; lifetime?: number } = {},
): StoredData {
  const value = options.value ?? ({ model: 'single', exists: true, value: utf8(text) } as const);
  const storageTime = options.time ?? 1000n;
  const signature = createSigner((options.by ?? alice).identity).sign(
    valueSignatureInput({ resource: ALICE, kind, storageTime, value }),
  );
  return { storageTime, lifetime: options.lifetime ?? 600, value, signature };
}

const error = (errorCode: number) => ({ fault: { code: 'remote', errorCode } });

describe('Store and Fetch', () => {
  it('R6940-7.2.1-01 R6940-7.4.1.1-27 R6940-7.4.1.1-20 keep one single value, the last one stored', async () => {
    await store(TEST_KINDS.single.id, [[SINGLE, 'a']]);
    await store(TEST_KINDS.single.id, [[SINGLE, 'b']]);
    expect(await texts(TEST_KINDS.single.id)).toEqual(['b']);
    await store(TEST_KINDS.single.id, [[SINGLE, '']]);
    expect(await texts(TEST_KINDS.single.id)).toEqual(['']);
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

  it('R6940-7.1-03 take a value that outlives the certificate of its signer, and keep it until it expires by itself', async () => {
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
    const rawFetch = async () => {
      const specifiers = [{ kind, generation: 0n, modelSpecifier: new Uint8Array() }];
      const body = encode(fetchReq, { resource: ALICE, specifiers });
      const destination = [resourceDestination(ALICE)];
      const answer = await clock.run(alice.exchange.request({ destination, code: MessageCode.fetchReq, body }));
      const [data] = decodeStoredData('single', decode(fetchAns, answer.body).kindResponses[0]!.values);
      return { data: data!, certificates: answer.certificates };
    };
    const { data, certificates } = await rawFetch();
    expect(data.value).toEqual({ model: 'single', exists: false, value: new Uint8Array() });
    const input = valueSignatureInput({ resource: ALICE, kind, storageTime: data.storageTime, value: data.value });
    expect(ring.overlay.verifier().verify(data.signature, certificates, input).nodeId).toBe(alice.nodeId);
    expect(await texts(kind)).toEqual([]);
    await expect(rawStore(alice, [{ kind, values: [signed(kind, 'replayed')] }])).rejects.toMatchObject(
      error(ErrorCode.dataTooOld),
    );
    await clock.advance(601_000);
    expect((await rawFetch()).data).toEqual(absentData({ model: 'single' }));
  });

  it('R6940-7-05 R6940-7-03 forget a value when its lifetime is over, whatever the storage time says', async () => {
    await rawStore(alice, [
      { kind: TEST_KINDS.single.id, values: [signed(TEST_KINDS.single.id, 'x', { lifetime: 10 })] },
    ]);
    await clock.advance(9_000);
    const { values } = await clock.run(alice.client.fetch({ resource: ALICE, kind: TEST_KINDS.single.id }));
    expect(values[0]).toMatchObject({ lifetimeSeconds: 1, storageTime: 1000n });
    await clock.advance(1_001);
    expect(await texts(TEST_KINDS.single.id)).toEqual([]);
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
    expect(await texts(TEST_KINDS.array.id)).toEqual(['a', 'c']);
  });
});

describe('Store refuses', () => {
  const kind = TEST_KINDS.single.id;

  it('R6940-7-02 R6940-7.4.1.1-17 R6940-13.5.3-02 a storage time that is not later than the stored one', async () => {
    await rawStore(alice, [{ kind, values: [signed(kind, 'a', { time: 2000n })] }]);
    for (const time of [1999n, 2000n]) {
      await expect(rawStore(alice, [{ kind, values: [signed(kind, 'b', { time })] }])).rejects.toMatchObject(
        error(ErrorCode.dataTooOld),
      );
    }
    expect(await texts(kind)).toEqual(['a']);
    await rawStore(alice, [{ kind, values: [signed(kind, 'c', { time: 2001n })] }]);
    expect(await texts(kind)).toEqual(['c']);
  });

  it('R6940-7.4.1.1-13 R6940-7.4.1.2-03 R6940-7.4.1.2-04 a generation counter that is not the current one, and tells the right ones', async () => {
    for (const text of ['a', 'b', 'c']) await store(kind, [[SINGLE, text]]);
    const attempt = (generation: bigint) =>
      rawStore(alice, [
        { kind: TEST_KINDS.array.id, values: [signed(TEST_KINDS.array.id, '', { value: arrayValue(0, 'x') })] },
        { kind, generation, values: [signed(kind, 'd', { time: BigInt(clock.now()) + 5000n })] },
      ]);
    for (const generation of [2n, 4n]) {
      const failure = await attempt(generation).catch((thrown) => thrown);
      expect(failure).toMatchObject(error(ErrorCode.generationCounterTooLow));
      expect(decode(storeAns, failure.fault.info).kindResponses).toEqual([
        { kind: TEST_KINDS.array.id, generationCounter: 0n, replicas: [] },
        { kind, generationCounter: 3n, replicas: [] },
      ]);
    }
    expect(await texts(TEST_KINDS.array.id)).toEqual([]);
    expect(decode(storeAns, (await attempt(3n)).body).kindResponses[1]?.generationCounter).toBe(4n);
  });

  it('R6940-7.4.1.1-04 R6940-7.4.1.1-03 all of it when one part fails, and changes nothing', async () => {
    await store(kind, [[SINGLE, 'before']]);
    const attempt = rawStore(alice, [
      { kind: TEST_KINDS.keyed.id, values: [signed(TEST_KINDS.keyed.id, '', { value: dictionaryValue('k', 'x') })] },
      { kind, values: [signed(kind, 'old', { time: 1n })] },
    ]);
    await expect(attempt).rejects.toMatchObject(error(ErrorCode.dataTooOld));
    expect(await texts(TEST_KINDS.keyed.id)).toEqual([]);
    const { generation, values } = await clock.run(alice.client.fetch({ resource: ALICE, kind }));
    expect([generation, values.length]).toEqual([1n, 1]);
  });

  it('R6940-7.4.1.1-08 R6940-7.4.1.2-07 R6940-7.4.2.1-02 unknown Kinds, and lists them; Fetch too', async () => {
    const ids = [0xf0000777, 0xf0000778];
    const asStore = rawStore(alice, [{ kind, values: [] }, ...ids.map((id) => ({ kind: id, values: [] }))]);
    const body = encode(fetchReq, {
      resource: ALICE,
      specifiers: ids.map((id) => ({ kind: id, generation: 0n, modelSpecifier: new Uint8Array() })),
    });
    const ask = (code: number) =>
      clock.run(alice.exchange.request({ destination: [resourceDestination(ALICE)], code, body }));
    for (const attempt of [asStore, ask(MessageCode.fetchReq), ask(MessageCode.statReq)]) {
      const failure = await attempt.catch((thrown) => thrown);
      expect(failure).toMatchObject(error(ErrorCode.unknownKind));
      expect(decode(unknownKinds, failure.fault.info)).toEqual(ids);
    }
  });

  it('R6940-7.4.1.1-02 a Kind that occurs twice', async () => {
    const attempt = rawStore(alice, [
      { kind, values: [signed(kind, 'a')] },
      { kind, values: [signed(kind, 'b', { time: 2000n })] },
    ]);
    await expect(attempt).rejects.toMatchObject(error(ErrorCode.invalidMessage));
    expect(await texts(kind)).toEqual([]);
  });

  it('R6940-7.4.1.1-18 R6940-7.4.1.2-06 R6940-13.5.2-01 values that are too large or too many, replicas included', async () => {
    const value = (n: number) => signed(kind, 'x'.repeat(n), { time: BigInt(n) });
    await rawStore(alice, [{ kind, values: [value(200)] }]);
    await expect(rawStore(alice, [{ kind, values: [value(201)] }])).rejects.toMatchObject(
      error(ErrorCode.dataTooLarge),
    );
    const [replica] = ring.replicasOf(ALICE);
    const copy = rawStore(ring.responsible(ALICE), [{ kind, generation: 9n, values: [value(201)] }], {
      replica: 1,
      to: replica!,
    });
    await expect(copy).rejects.toMatchObject(error(ErrorCode.dataTooLarge));
    await store(
      TEST_KINDS.keyed.id,
      ['a', 'b', 'c', 'd'].map((k) => [key(k), k]),
    );
    await expect(store(TEST_KINDS.keyed.id, [[key('e'), 'e']])).rejects.toMatchObject(error(ErrorCode.dataTooLarge));
    await store(TEST_KINDS.keyed.id, [[key('a'), 'again']]);
  });

  it('array indices beyond the limit of the Kind', async () => {
    for (const i of [10, 0xfffffffe]) {
      await expect(store(TEST_KINDS.array.id, [[index(i), 'x']])).rejects.toMatchObject(error(ErrorCode.dataTooLarge));
    }
  });

  it('R6940-7.4.1.1-06 an original Store when it is not responsible', async () => {
    const [replica] = ring.replicasOf(ALICE);
    await expect(rawStore(alice, [{ kind, values: [signed(kind, 'a')] }], { to: replica! })).rejects.toMatchObject(
      error(ErrorCode.forbidden),
    );
  });

  it('R6940-7.4.1.1-07 R6940-7.4.1.1-12 R6940-10.4-03 a replica from a peer that could not be responsible', async () => {
    const [replica] = ring.replicasOf(ALICE);
    const plausible = [ring.responsible(ALICE), ...ring.replicasOf(ALICE)].map(({ nodeId }) => nodeId);
    const stranger = ring.peers.find(({ nodeId }) => !plausible.includes(nodeId))!;
    const attempt = rawStore(stranger, [{ kind, generation: 1n, values: [signed(kind, 'a')] }], {
      replica: 1,
      to: replica!,
    });
    await expect(attempt).rejects.toMatchObject(error(ErrorCode.forbidden));
  });

  it('R6940-7.4.1.1-16 a replica whose generation counter is 0', async () => {
    const [replica] = ring.replicasOf(ALICE);
    const attempt = rawStore(ring.responsible(ALICE), [{ kind, values: [signed(kind, 'a')] }], {
      replica: 1,
      to: replica!,
    });
    await expect(attempt).rejects.toMatchObject(error(ErrorCode.forbidden));
  });

  it('no replica for its counter, and takes the counter over unless a later copy overtook it', async () => {
    const [replica] = ring.replicasOf(ALICE);
    const copy = (generation: bigint, i: number, time: bigint) => {
      const value = signed(TEST_KINDS.array.id, '', { time, value: arrayValue(i, `${time}`) });
      const writes = [{ kind: TEST_KINDS.array.id, generation, values: [value] }];
      return rawStore(ring.responsible(ALICE), writes, { replica: 1, to: replica! });
    };
    const held = async () => {
      const request = { resource: ALICE, kind: TEST_KINDS.array.id, at: replica!.nodeId };
      const { generation, values } = await clock.run(alice.client.fetch(request));
      return [generation, values.length];
    };
    await copy(50n, 0, 2000n);
    await copy(42n, 1, 3000n);
    expect(await held()).toEqual([42n, 2]);
    await copy(41n, 2, 1000n);
    expect(await held()).toEqual([42n, 3]);
  });

  it('R6940-7.3-04 a copy by its owner, and takes it from the responsible peer, which could not write the value itself', async () => {
    const [replica] = ring.replicasOf(ALICE);
    const holder = ring.responsible(ALICE);
    const writes = [{ kind, generation: 7n, values: [signed(kind, 'a')] }];
    await expect(rawStore(alice, writes, { replica: 1, to: replica! })).rejects.toMatchObject(
      error(ErrorCode.forbidden),
    );
    await expect(rawStore(holder, [{ kind, values: [signed(kind, 'a')] }])).rejects.toMatchObject(
      error(ErrorCode.forbidden),
    );
    await rawStore(holder, writes, { replica: 1, to: replica! });
    expect(await texts(kind, { at: replica!.nodeId })).toEqual(['a']);
  });

  it('R6940-7.4.1.1-09 all values when the signature of one does not hold', async () => {
    const entry = (k: string) => signed(TEST_KINDS.keyed.id, '', { value: dictionaryValue(k, k) });
    const [first, second, third] = ['a', 'b', 'c'].map(entry) as [StoredData, StoredData, StoredData];
    const broken = { ...second, storageTime: second.storageTime + 1n };
    const attempt = rawStore(alice, [{ kind: TEST_KINDS.keyed.id, values: [first, broken, third] }]);
    await expect(attempt).rejects.toMatchObject(error(ErrorCode.forbidden));
    expect(await texts(TEST_KINDS.keyed.id)).toEqual([]);
    await rawStore(alice, [{ kind: TEST_KINDS.keyed.id, values: [first, second, third] }]);
    expect(await texts(TEST_KINDS.keyed.id)).toEqual(['a', 'b', 'c']);
  });

  it('R6940-7.3-02 R6940-7.4.1.1-11 R6940-13.5.1-02 a value of its owner that somebody else sends', async () => {
    const bob = await ring.addClient('bob');
    await expect(rawStore(bob, [{ kind, values: [signed(kind, 'a')] }])).rejects.toMatchObject(
      error(ErrorCode.forbidden),
    );
  });

  it('R6940-7.4.1.1-10 R6940-7.3-03 a value signed by somebody else, in originals and replicas', async () => {
    const bob = await ring.addClient('bob');
    const certificates = [bob.identity.certificate.der];
    const values = [signed(kind, 'a', { by: bob })];
    await expect(rawStore(alice, [{ kind, values }], { certificates })).rejects.toMatchObject(
      error(ErrorCode.forbidden),
    );
    const [replica] = ring.replicasOf(ALICE);
    const copy = rawStore(ring.responsible(ALICE), [{ kind, generation: 1n, values }], {
      certificates,
      replica: 1,
      to: replica!,
    });
    await expect(copy).rejects.toMatchObject(error(ErrorCode.forbidden));
  });

  it('a value whose signature does not hold, or that nobody signed', async () => {
    const good = signed(kind, 'a');
    const forged = { ...good, value: { model: 'single', exists: true, value: utf8('b') } } as const;
    const unsigned = {
      ...good,
      signature: { hashAlgorithm: 0, signatureAlgorithm: 0, identity: { type: 'none' }, value: new Uint8Array() },
    } as const;
    for (const value of [forged, unsigned]) {
      await expect(rawStore(alice, [{ kind, values: [value] }])).rejects.toMatchObject(error(ErrorCode.forbidden));
    }
  });

  it('new records once the peer is full, and still takes new values of old ones', async () => {
    ring.stop();
    ring = await StorageRing.create({ clock, peers: 1, maxRecords: 1 });
    alice = await ring.addClient('alice');
    await store(kind, [[SINGLE, 'a']]);
    await expect(store(TEST_KINDS.array.id, [[index(0), 'x']])).rejects.toMatchObject(error(ErrorCode.dataTooLarge));
    await store(kind, [[SINGLE, 'b']]);
    expect(await texts(kind)).toEqual(['b']);
  });
});

describe('access policies, end to end', () => {
  it('R6940-7.3.3-02 R6940-7.3.3-03 R6940-7.3.3-04 USER-NODE-MATCH wants the own name and the own Node-ID as key', async () => {
    const kind = TEST_KINDS.owned.id;
    const bob = await ring.addClient('bob');
    const attempt = (who: Member, keyBytes: Uint8Array) => {
      const value = { model: 'dictionary', key: keyBytes, exists: true, value: utf8('v') } as const;
      const values = [signed(kind, '', { by: who, value })];
      return rawStore(who, [{ kind, values }], { certificates: [who.identity.certificate.der] });
    };
    await expect(attempt(bob, idBytes(bob.nodeId))).rejects.toMatchObject(error(ErrorCode.forbidden));
    await expect(attempt(alice, idBytes(bob.nodeId))).rejects.toMatchObject(error(ErrorCode.forbidden));
    await attempt(alice, idBytes(alice.nodeId));
    const [first, second] = await ring.overlay.identities('alice', [
      '11'.repeat(16) as Member['nodeId'],
      '22'.repeat(16) as Member['nodeId'],
    ]);
    await expect(attempt(ring.clientOf(first!), idBytes(second!.nodeId))).rejects.toMatchObject(
      error(ErrorCode.forbidden),
    );
    await attempt(ring.clientOf(second!), idBytes(second!.nodeId));
  });
});

function arrayValue(i: number, text: string): StoredData['value'] {
  return { model: 'array', index: i, exists: true, value: utf8(text) };
}

function dictionaryValue(k: string, text: string): StoredData['value'] {
  return { model: 'dictionary', key: utf8(k), exists: true, value: utf8(text) };
}
