import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { utf8 } from '#platform/bytes.ts';
import type { Request } from '#reload/messaging/exchange.ts';
import type { Place } from '#reload/storage/record-client.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { ErrorCode, KindId, MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination, resourceDestination } from '#reload/wire/destination.ts';
import {
  decodeModelSpecifier,
  encodeModelSpecifier,
  fetchAns,
  fetchReq,
  type ModelSpecifier,
} from '#reload/wire/fetch.ts';
import { findAns, findReq } from '#reload/wire/find.ts';
import { hashToResourceId, type NodeId, type ResourceId } from '#reload/wire/ids.ts';
import { decodeStoredMetaData, statAns } from '#reload/wire/stat.ts';
import { absentData, decodeStoredData } from '#reload/wire/stored-data.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { TEST_EPOCH } from '../../support/overlay.ts';
import { type Member, StorageRing, TEST_KINDS } from './storage-ring.ts';

const ALICE = hashToResourceId('alice@home.example');
const { single, array, keyed } = TEST_KINDS;
const MODELS = { [single.id]: 'single', [array.id]: 'array', [keyed.id]: 'dictionary' } as const;
const error = (errorCode: number) => ({ fault: { code: 'remote', errorCode } });

let clock: VirtualClock;
let ring: StorageRing;
let alice: Member;

beforeAll(async () => {
  clock = new VirtualClock(TEST_EPOCH);
  ring = await StorageRing.create({ clock, peers: 4 });
  alice = await ring.addClient('alice');
  const put = (kind: number, place: Place, text: string) =>
    clock.run(
      alice.client.store({ resource: ALICE, kind, values: [{ place, value: utf8(text) }], lifetimeSeconds: 600 }),
    );
  await put(single.id, { model: 'single' }, 'abc');
  for (const index of [0, 2, 5]) await put(array.id, { model: 'array', index }, `v${index}`);
  for (const key of ['k1', 'k2', 'k3']) await put(keyed.id, { model: 'dictionary', key: utf8(key) }, key);
});
afterAll(() => ring.stop());

type Kind = typeof single.id | typeof array.id | typeof keyed.id;

async function ask(
  code: number,
  specifiers: readonly (readonly [Kind, ModelSpecifier, (bigint | undefined)?])[],
  more: Partial<Request> = {},
) {
  const body = encode(fetchReq, {
    resource: ALICE,
    specifiers: specifiers.map(([kind, specifier, generation]) => ({
      kind,
      generation: generation ?? 0n,
      modelSpecifier: encodeModelSpecifier(specifier),
    })),
  });
  return clock.run(alice.exchange.request({ destination: [resourceDestination(ALICE)], code, body, ...more }));
}

async function fetchValues(kind: Kind, specifier: ModelSpecifier, generation?: bigint) {
  const answer = await ask(MessageCode.fetchReq, [[kind, specifier, generation]]);
  const [response] = decode(fetchAns, answer.body).kindResponses;
  return decodeStoredData(MODELS[kind]!, response!.values);
}

const ranges = (...list: [number, number][]): ModelSpecifier => ({
  model: 'array',
  indices: list.map(([first, last]) => ({ first, last })),
});
const keys = (...list: string[]): ModelSpecifier => ({ model: 'dictionary', keys: list.map(utf8) });

describe('Fetch', () => {
  it.each([
    ['nothing', { model: 'single' }, ''],
    ['ranges', ranges([0, 1], [258, 0xffffffff]), '0010 00000000 00000001 00000102 ffffffff'],
    ['all keys', keys(), '0000'],
    ['keys', keys('k1', 'k'), '0007 0002 6b31 0001 6b'],
  ] as const)('R6940-7.4.2.1-01 names places by %s', (_name, specifier, hex) => {
    const golden = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    expect(Buffer.from(encodeModelSpecifier(specifier)).toString('hex')).toBe(golden.toString('hex'));
    expect(decodeModelSpecifier(specifier.model, new Uint8Array(golden))).toEqual(specifier);
    expect(() => decodeModelSpecifier(specifier.model, Buffer.concat([golden, Buffer.alloc(1)]))).toThrow();
  });

  it('R6940-7.4.2.2-01 answers with one entry for each Kind asked for', async () => {
    const answer = await ask(MessageCode.fetchReq, [
      [single.id, { model: 'single' }],
      [array.id, ranges([0, 0xffffffff])],
      [keyed.id, keys()],
    ]);
    expect(decode(fetchAns, answer.body).kindResponses.map(({ kind, generation }) => [kind, generation])).toEqual([
      [single.id, 1n],
      [array.id, 3n],
      [keyed.id, 3n],
    ]);
    expect(answer.certificates.some((der) => Buffer.from(der).equals(alice.identity.certificate.der))).toBe(true);
  });

  it('R6940-7.4.2.2-02 R6940-7.4.2.1-03 R6940-7.4.2.1-04 serves several ranges, with gaps made up to the last element only', async () => {
    const values = await fetchValues(array.id, ranges([0, 2], [4, 0xffffffff]));
    expect(values.map(({ value }) => [value.model === 'array' && value.index, value.exists])).toEqual([
      [0, true],
      [1, false],
      [2, true],
      [4, false],
      [5, true],
    ]);
    expect(values[1]).toEqual(absentData({ model: 'array', index: 1 }));
  });

  it('R6940-7.4.2.1-03 R6940-7.4.2.1-04 refuses ranges that overlap or are the wrong way round', async () => {
    for (const specifier of [ranges([5, 2]), ranges([0, 3], [3, 5]), ranges([4, 9], [0, 4])]) {
      await expect(ask(MessageCode.fetchReq, [[array.id, specifier]])).rejects.toMatchObject(
        error(ErrorCode.invalidMessage),
      );
    }
  });

  it('R6940-7.4.2.2-03 makes up a value for each key that is absent, once, which nobody signed', async () => {
    const values = await fetchValues(keyed.id, keys('k2', 'nobody', 'nobody'));
    expect(values).toHaveLength(2);
    expect(values[1]).toEqual(absentData({ model: 'dictionary', key: utf8('nobody') }));
    expect(values[1]).toMatchObject({
      storageTime: 0n,
      lifetime: 0,
      value: { exists: false, value: new Uint8Array() },
      signature: { hashAlgorithm: 0, signatureAlgorithm: 0, identity: { type: 'none' }, value: new Uint8Array() },
    });
  });

  it('R6940-7.4.2.1-06 R6940-7.4.2.2-01 R6940-7.4.2.2-02 answers without values when the generation is still the one that was seen', async () => {
    expect(await fetchValues(keyed.id, keys(), 3n)).toEqual([]);
    expect(await fetchValues(keyed.id, keys(), 2n)).toHaveLength(3);
    expect(await fetchValues(keyed.id, keys(), 4n)).toHaveLength(3);
    const { body } = await ask(MessageCode.fetchReq, [
      [keyed.id, keys(), 3n],
      [single.id, { model: 'single' }, 7n],
    ]);
    const { kindResponses } = decode(fetchAns, body);
    expect(kindResponses.map(({ kind, generation, values }) => [kind, generation, values.length > 0])).toEqual([
      [keyed.id, 3n, false],
      [single.id, 1n, true],
    ]);
  });

  it('refuses with Error_Response_Too_Large what would not fit, however many keys are asked for', async () => {
    const many = keys(...Array.from({ length: 2000 }, (_, i) => `absent ${i}`));
    await expect(ask(MessageCode.fetchReq, [[keyed.id, many]], { maxResponseLength: 20_000 })).rejects.toMatchObject(
      error(ErrorCode.responseTooLarge),
    );
    await expect(ask(MessageCode.fetchReq, [[keyed.id, keys()]], { maxResponseLength: 100 })).rejects.toMatchObject(
      error(ErrorCode.responseTooLarge),
    );
  });

  it('R6940-10.4-04 is served by replicas too when they are asked by Node-ID', async () => {
    for (const { nodeId } of ring.replicasOf(ALICE)) {
      const outcome = await clock.run(alice.client.fetch({ resource: ALICE, kind: keyed.id, at: nodeId }));
      expect([outcome.generation, outcome.values.length]).toEqual([3n, 3]);
    }
  });
});

describe('Stat', () => {
  it('R6940-7.4.3.2-01 R6940-7.4.3.2-02 describes values by length and digest, without signatures', async () => {
    await clock.advance(2_000);
    const { body, certificates } = await ask(MessageCode.statReq, [[single.id, { model: 'single' }]]);
    const [response] = decode(statAns, body).kindResponses;
    const [stat] = decodeStoredMetaData('single', response!.values);
    const [stored] = await fetchValues(single.id, { model: 'single' });
    expect(stat).toMatchObject({ storageTime: stored!.storageTime, lifetime: stored!.lifetime });
    expect(stat!.lifetime).toBeLessThan(600);
    expect(stat!.metadata).toEqual({
      model: 'single',
      exists: true,
      valueLength: 3,
      hashAlgorithm: 4,
      hashValue: new Uint8Array(createHash('sha256').update(Buffer.from('00000003616263', 'hex')).digest()),
    });
    expect(certificates).toHaveLength(1);
  });

  it('R6940-7.4.3.2-01 R6940-7.4.3.2-02 has metadata of each model in the place of the values, byte for byte', async () => {
    const u = (value: number | bigint, bytes: number) => value.toString(16).padStart(2 * bytes, '0');
    /** `value` is the text that is stored, behind its length in four bytes, as the digest covers it. */
    const metaData = (value: Buffer) =>
      `01${u(value.length - 4, 4)}0420${createHash('sha256').update(value).digest('hex')}`;
    const cases = [
      [single.id, { model: 'single' }, '', '00000003616263'],
      [array.id, ranges([2, 2]), '00000002', '000000027632'],
      [keyed.id, keys('k2'), '00026b32', '000000026b32'],
    ] as const;
    for (const [kind, specifier, place, value] of cases) {
      const [stored] = await fetchValues(kind, specifier);
      const described =
        u(stored!.storageTime, 8) + u(stored!.lifetime, 4) + place + metaData(Buffer.from(value, 'hex'));
      const values = u(described.length / 2, 4) + described;
      const generation = kind === single.id ? 1 : 3;
      const response = u(kind, 4) + u(generation, 8) + u(values.length / 2, 4) + values;
      const { body } = await ask(MessageCode.statReq, [[kind, specifier]]);
      expect(Buffer.from(body).toString('hex')).toBe(u(response.length / 2, 4) + response);
    }
  });

  it('R6940-7.4.3.1-01 takes the same specifiers as Fetch, absent places included', async () => {
    const { body } = await ask(MessageCode.statReq, [
      [array.id, ranges([1, 2])],
      [keyed.id, keys('k1', 'nobody')],
    ]);
    const [first, second] = decode(statAns, body).kindResponses;
    expect(decodeStoredMetaData('array', first!.values).map(({ metadata }) => metadata.exists)).toEqual([false, true]);
    const [, absent] = decodeStoredMetaData('dictionary', second!.values);
    expect(absent!.metadata).toMatchObject({
      exists: false,
      valueLength: 0,
      hashValue: new Uint8Array(createHash('sha256').update(new Uint8Array(4)).digest()),
    });
  });
});

describe('Find', () => {
  async function find(resource: ResourceId, kinds: readonly number[], at?: NodeId) {
    const body = encode(findReq, { resource, kinds });
    const destination = [at === undefined ? resourceDestination(resource) : nodeDestination(at)];
    const answer = await clock.run(alice.exchange.request({ destination, code: MessageCode.findReq, body }));
    return decode(findAns, answer.body).results;
  }
  const ZERO = '0'.repeat(32);

  it('R6940-7.4.4.2-02 R6940-7.4.4.2-04 names the closest resource of each Kind, zero for none and for unknown Kinds', async () => {
    expect(await find(ALICE, [single.id, TEST_KINDS.node.id, 0xf0000999])).toEqual([
      { kind: single.id, closest: ALICE },
      { kind: TEST_KINDS.node.id, closest: ZERO },
      { kind: 0xf0000999, closest: ZERO },
    ]);
  });

  it('R6940-7.4.4.2-03 leaves out Kinds that may not be used with Find, here those that would list all users', async () => {
    const kinds = [KindId.sipRegistration, single.id, KindId.certificateByUser, KindId.certificateByNode];
    expect((await find(ALICE, kinds)).map(({ kind }) => kind)).toEqual([single.id, KindId.certificateByNode]);
  });

  it('R6940-7.4.4.2-02 walks on from one place behind the last result, round the ring, and names no copies', async () => {
    const next = (BigInt(`0x${ALICE}`) + 1n).toString(16).padStart(32, '0') as ResourceId;
    const before = (BigInt(`0x${ALICE}`) - 1n).toString(16).padStart(32, '0') as ResourceId;
    const holder = ring.responsible(ALICE).nodeId;
    expect(await find(before, [single.id], holder)).toEqual([{ kind: single.id, closest: ALICE }]);
    expect(await find(next, [single.id], holder)).toEqual([{ kind: single.id, closest: ALICE }]);
    const [replica] = ring.replicasOf(ALICE);
    const theirs = BigInt(`0x${replica!.nodeId}`).toString(16).padStart(32, '0') as ResourceId;
    expect(await find(theirs, [single.id], replica!.nodeId)).toEqual([{ kind: single.id, closest: ZERO }]);
  });

  it('R6940-7.4.4.1-01 R6940-7.4.4.1-02 R6940-7.4.4.2-01 refuses Kinds named twice and resources of other peers', async () => {
    // Ours can't be made to ask so.
    expect(() => encode(findReq, { resource: ALICE, kinds: [single.id, single.id] })).toThrow('once');
    const body = Buffer.concat([encode(findReq, { resource: ALICE, kinds: [] }).subarray(0, -1), Buffer.from([8])]);
    const kind = Buffer.alloc(4);
    kind.writeUInt32BE(single.id);
    const twice = Buffer.concat([body, kind, kind]);
    const destination = [resourceDestination(ALICE)];
    const asked = clock.run(alice.exchange.request({ destination, code: MessageCode.findReq, body: twice }));
    await expect(asked).rejects.toMatchObject(error(ErrorCode.invalidMessage));
    const [replica] = ring.replicasOf(ALICE);
    await expect(find(ALICE, [single.id], replica!.nodeId)).rejects.toMatchObject(error(ErrorCode.notFound));
  });
});
