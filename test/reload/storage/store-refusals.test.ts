import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { utf8 } from '#platform/bytes.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { ErrorCode, MessageCode } from '#reload/wire/codes.ts';
import { resourceDestination } from '#reload/wire/destination.ts';
import { unknownKinds } from '#reload/wire/error.ts';
import { fetchAns, fetchReq } from '#reload/wire/fetch.ts';
import { idBytes } from '#reload/wire/ids.ts';
import { storeAns } from '#reload/wire/store.ts';
import { decodeStoredData, type StoredData } from '#reload/wire/stored-data.ts';
import { ALICE, AliceRing, arrayValue, dictionaryValue, error, index, key, SINGLE } from './alice.ts';
import { type Member, TEST_KINDS } from './storage-ring.ts';

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

  it('R6940-7.4.1.1-03 a later value before an earlier one for the same place, takes both in order, and shows nobody a part', async () => {
    const entry = (text: string, time: bigint) =>
      signed(TEST_KINDS.keyed.id, '', { time, value: dictionaryValue('k', text) });
    const attempt = (...values: StoredData[]) => rawStore(alice, [{ kind: TEST_KINDS.keyed.id, values }]);
    await attempt(entry('a', 1000n), entry('b', 2000n));
    expect(await texts(TEST_KINDS.keyed.id)).toEqual(['b']);
    await expect(attempt(entry('d', 4000n), entry('c', 3000n))).rejects.toMatchObject(error(ErrorCode.dataTooOld));
    expect(await texts(TEST_KINDS.keyed.id)).toEqual(['b']);
    // So many that verifying them pauses in between.
    const many = Array.from({ length: 40 }, (_, i) => entry(String(i), BigInt(5000 + i)));
    const stored = rawStore(alice, [
      { kind, values: [signed(kind, 'first')] },
      { kind: TEST_KINDS.keyed.id, values: many },
    ]);
    const seen: string[] = [];
    const isDone = stored.then(() => true);
    const body = encode(fetchReq, {
      resource: ALICE,
      specifiers: [
        { kind, generation: 0n, modelSpecifier: new Uint8Array() },
        { kind: TEST_KINDS.keyed.id, generation: 0n, modelSpecifier: Uint8Array.of(0, 0) },
      ],
    });
    const request = { destination: [resourceDestination(ALICE)], code: MessageCode.fetchReq, body };
    const read = async () => {
      const answer = await clock.run(alice.exchange.request(request));
      const [one, other] = decode(fetchAns, answer.body).kindResponses;
      const found = [...decodeStoredData('single', one!.values), ...decodeStoredData('dictionary', other!.values)];
      return found.map(({ value }) => new TextDecoder().decode(value.value)).join('/');
    };
    do seen.push(await read());
    while (!(await Promise.race([isDone, false])));
    expect(new Set([...seen, await read()])).toEqual(new Set(['/b', 'first/39']));
  });

  it('R6940-7.4.1.1-04 all of it when one part fails, and changes nothing', async () => {
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

  it('R6940-7.4.1.1-15 no replica for its counter, and R6940-7.4.1.1-14 takes the counter over unless a later copy overtook it', async () => {
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

  it('R6940-7.4.1.1-10 R6940-7.3-02 R6940-7.3-03 a value signed by somebody else, in originals and replicas', async () => {
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

  it('R6940-6.3.4-06 R6940-7.4.1.1-19 a value whose signature does not hold, or that nobody signed', async () => {
    const good = signed(kind, 'a');
    const forged = { ...good, value: { model: 'single', exists: true, value: utf8('b') } } as const;
    const { identity } = good.signature;
    const none = { type: 'none' } as const;
    const unsigned = [
      { hashAlgorithm: 0, signatureAlgorithm: 0, identity: none, value: new Uint8Array() },
      { ...good.signature, identity: none },
      { hashAlgorithm: 0, signatureAlgorithm: 0, identity, value: new Uint8Array() },
      { ...good.signature, hashAlgorithm: 0 },
    ].map((signature) => ({ ...good, signature }));
    for (const value of [forged, ...unsigned]) {
      await expect(rawStore(alice, [{ kind, values: [value] }])).rejects.toMatchObject(error(ErrorCode.forbidden));
    }
  });

  it('new records once the peer is full, and still takes new values of old ones', async () => {
    ring.stop();
    await begin({ peers: 1, maxRecords: 1 });
    await store(kind, [[SINGLE, 'a']]);
    await expect(store(TEST_KINDS.array.id, [[index(0), 'x']])).rejects.toMatchObject(error(ErrorCode.dataTooLarge));
    await store(kind, [[SINGLE, 'b']]);
    expect(await texts(kind)).toEqual(['b']);
  });
});

describe('the share of one signer', () => {
  const kind = TEST_KINDS.keyed.id;
  const attempt = (by: Member, text: string, time: bigint, exists = true) => {
    const value = { model: 'dictionary', key: utf8(text), exists, value: utf8(exists ? 'v' : '') } as const;
    const certificates = [by.identity.certificate.der];
    return rawStore(by, [{ kind, values: [signed(kind, '', { by, time, value })] }], { certificates });
  };

  it('is bounded: more is refused, while what is there can be changed and removed, and others still have room', async () => {
    ring.stop();
    await begin({ peers: 1, maxValuesPerSigner: 2 });
    await attempt(alice, 'a', 1000n);
    await attempt(alice, 'b', 1000n);
    await expect(attempt(alice, 'c', 1000n)).rejects.toMatchObject(error(ErrorCode.dataTooLarge));
    await expect(store(TEST_KINDS.single.id, [[SINGLE, 'x']])).rejects.toMatchObject(error(ErrorCode.dataTooLarge));
    await attempt(alice, 'a', 2000n);
    await attempt(alice, 'b', 2000n, false);
    // Another node of the same user.
    await attempt(await ring.addClient('alice'), 'c', 3000n);
    expect(await texts(kind)).toEqual(['v', 'v']);
    await clock.advance(601_000);
    await attempt(alice, 'd', 4000n);
    expect(await texts(kind)).toEqual(['v']);
  });

  it('does not keep replicas out', async () => {
    ring.stop();
    await begin({ peers: 4, maxValuesPerSigner: 1 });
    const [replica] = ring.replicasOf(ALICE);
    const values = ['a', 'b'].map((k) => signed(kind, '', { value: dictionaryValue(k, 'v') }));
    await rawStore(ring.responsible(ALICE), [{ kind, generation: 1n, values }], { replica: 1, to: replica! });
    expect(await texts(kind, { at: replica!.nodeId })).toEqual(['v', 'v']);
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
