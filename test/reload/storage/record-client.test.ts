import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { utf8 } from '#platform/bytes.ts';
import { Failure } from '#platform/failure.ts';
import { silentLogger } from '#platform/log.ts';
import type { Answer, Exchange, ExchangeFault, Request } from '#reload/messaging/exchange.ts';
import { createSigner } from '#reload/security/signer.ts';
import { valueSignatureInput } from '#reload/security/value-signature-input.ts';
import { RecordStoreClient } from '#reload/storage/record-store-client.ts';
import { StorageTimes } from '#reload/storage/storage-times.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { ErrorCode, MessageCode } from '#reload/wire/codes.ts';
import { fetchAns } from '#reload/wire/fetch.ts';
import { hashToResourceId } from '#reload/wire/ids.ts';
import { storeReq } from '#reload/wire/store.ts';
import { decodeStoredData, encodeStoredData, type StoredData } from '#reload/wire/stored-data.ts';
import { memoryStore } from '#store/memory-store.ts';
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
  ring = await StorageRing.create({ clock, peers: 1 });
  alice = await ring.addClient('alice');
});
afterEach(() => ring.stop());

/** A client of the same user whose requests pass through `intercept`. */
function clientThrough(
  intercept: (request: Request, pass: () => Promise<Answer>) => Promise<Answer>,
  at = clock.now(),
) {
  const exchange: Exchange = {
    request: (request) => intercept(request, () => alice.exchange.request(request)),
    handle: () => {},
  };
  const store = memoryStore().namespace('settings');
  return new RecordStoreClient({
    exchange,
    signer: createSigner(alice.identity),
    verifier: ring.overlay.verifier(),
    kinds: ring.kinds,
    storageTimes: new StorageTimes({ clock: { now: () => at, after: clock.after.bind(clock) }, store }),
    clock,
    log: silentLogger,
  });
}

const put = (client: RecordStoreClient, text: string) =>
  clock.run(
    client.store({
      resource: ALICE,
      kind: single.id,
      values: [{ place: { model: 'single' }, value: utf8(text) }],
      lifetimeSeconds: 60,
    }),
  );
const get = (client: RecordStoreClient, kind: number = single.id) => clock.run(client.fetch({ resource: ALICE, kind }));

describe('RecordStoreClient', () => {
  it('R6940-1.2.2-01 begins another transaction only half a second after one failed, once, and none after a time-out', async () => {
    const begun: number[] = [];
    const attempts = async (fault: ExchangeFault) => {
      begun.length = 0;
      const start = clock.now();
      const client = clientThrough(async () => {
        begun.push(clock.now() - start);
        throw new Failure<ExchangeFault>(fault, 'lost');
      });
      await expect(get(client)).rejects.toMatchObject({ fault });
      await clock.advance(60_000);
      return [...begun];
    };
    expect(await attempts({ code: 'unreachable' })).toEqual([0, 500]);
    // It has been sent five times by then (RFC 6940 §6.2.1).
    expect(await attempts({ code: 'timeout' })).toEqual([0]);
  });

  it('R6940-13.5.1-01 R6940-6.3.4-06 signs each value; R6940-13.5.3-01 gives two Stores in one millisecond rising storage times', async () => {
    await put(alice.client, 'a');
    await put(alice.client, 'b');
    const sent = ring.trace
      .filter(({ request }) => request.code === MessageCode.storeReq)
      .flatMap(({ request }) => decode(storeReq, request.body).kindData)
      .flatMap(({ values }) => decodeStoredData('single', values));
    expect(sent.map(({ storageTime }) => storageTime)).toEqual([BigInt(TEST_EPOCH), BigInt(TEST_EPOCH) + 1n]);
    for (const { storageTime, value, signature } of sent) {
      const input = valueSignatureInput({ resource: ALICE, kind: single.id, storageTime, value });
      const signatory = ring.overlay.verifier().verify(signature, [alice.identity.certificate.der], input);
      expect(signatory.nodeId).toBe(alice.nodeId);
    }
  });

  it('R6940-7-04 stores just behind the present value when its own clock is slow', async () => {
    await put(alice.client, 'from a fast clock');
    const slow = clientThrough((_request, pass) => pass(), 1000);
    await put(slow, 'from a slow clock');
    const { values } = await get(alice.client);
    expect(new TextDecoder().decode(values[0]!.value)).toBe('from a slow clock');
    expect(values[0]!.storageTime).toBe(BigInt(TEST_EPOCH) + 1n);
  });

  it('sends nothing that every peer would refuse', async () => {
    const bob = await ring.addClient('bob');
    await expect(put(bob.client, 'x')).rejects.toMatchObject({ fault: { code: 'not-allowed' } });
    await expect(put(alice.client, 'x'.repeat(201))).rejects.toMatchObject({
      fault: { code: 'too-large', limit: 200 },
    });
    await expect(get(alice.client, 0xf0000999)).rejects.toMatchObject({ fault: { code: 'unknown-kind' } });
    expect(ring.trace).toEqual([]);
  });

  it('R6940-7.4.1.2-05 fetches what is there when the generation counter has moved on, and reports both', async () => {
    await put(alice.client, 'a');
    await put(alice.client, 'other');
    ring.trace.length = 0;
    const attempt = alice.client.store({
      resource: ALICE,
      kind: single.id,
      values: [{ place: { model: 'single' }, value: utf8('b') }],
      lifetimeSeconds: 60,
      generation: 7n,
    });
    await expect(clock.run(attempt)).rejects.toMatchObject({
      fault: {
        code: 'overtaken',
        present: { generation: 2n, values: [{ value: utf8('other'), storageTime: BigInt(TEST_EPOCH) + 1n }] },
      },
      cause: { fault: { code: 'remote', errorCode: ErrorCode.generationCounterTooLow } },
    });
    expect(ring.trace.map(({ request }) => request.code)).toEqual([MessageCode.storeReq, MessageCode.fetchReq]);
  });

  it('R6940-7.4.1.3-02 gives a removal at least the lifetime that is left to what it removes', async () => {
    const store = (value: string | undefined, lifetimeSeconds: number) => {
      const place = { model: 'dictionary', key: utf8('k') } as const;
      const values = [{ place, value: value === undefined ? undefined : utf8(value) }];
      return clock.run(alice.client.store({ resource: ALICE, kind: keyed.id, values, lifetimeSeconds }));
    };
    const sent = () => {
      const body = ring.trace.filter(({ request }) => request.code === MessageCode.storeReq).at(-1)!.request.body;
      const [data] = decodeStoredData('dictionary', decode(storeReq, body).kindData[0]!.values);
      return [data!.value.exists, data!.lifetime];
    };
    await store('v', 600);
    await clock.advance(100_000);
    await store(undefined, 60);
    expect(sent()).toEqual([false, 500]);
    await store('w', 600);
    await store(undefined, 900);
    expect(sent()).toEqual([false, 900]);
  });

  it('repeats a request once after a pause when the ring was in motion, and not otherwise', async () => {
    const faults: ExchangeFault[] = [{ code: 'unreachable' }];
    let sent = 0;
    const client = clientThrough((_request, pass) => {
      sent += 1;
      const fault = faults.shift();
      return fault === undefined ? pass() : Promise.reject(new Failure<ExchangeFault>(fault, 'not now'));
    });
    const begin = clock.now();
    await put(client, 'a');
    expect([sent, clock.now() - begin]).toEqual([2, 500]);
    faults.push({ code: 'timeout' });
    await expect(put(client, 'b')).rejects.toMatchObject({ fault: { code: 'timeout' } });
    expect(sent).toBe(3);
  });

  it('R6940-7.4.2.2-05 R6940-7.4.2.2-06 R6940-7.4.2.2-07 R6940-7.4.2.2-08 discards values that a storing peer altered, and says that it did', async () => {
    await clock.run(
      alice.client.store({
        resource: ALICE,
        kind: keyed.id,
        values: ['k1', 'k2'].map((key) => ({ place: { model: 'dictionary', key: utf8(key) }, value: utf8(key) })),
        lifetimeSeconds: 60,
      }),
    );
    const client = clientThrough(async (_request, pass) =>
      rewritten(await pass(), 'dictionary', ([first, ...others]) => [
        { ...first!, value: { ...first!.value, value: utf8('altered') } },
        ...others,
      ]),
    );
    const { values, partial } = await get(client, keyed.id);
    expect(values.map(({ value }) => new TextDecoder().decode(value))).toEqual(['k2']);
    expect([partial, client.counters.discardedValues]).toEqual([true, 1]);
    expect((await get(alice.client, keyed.id)).partial).toBe(false);
  });

  it('discards a value that was moved from another dictionary key or another user', async () => {
    await put(alice.client, 'mine');
    const bob = await ring.addClient('bob');
    const elsewhere = clientThrough(async (_request, pass) => pass());
    const attempt = clock.run(elsewhere.fetch({ resource: hashToResourceId('bob@home.example'), kind: single.id }));
    expect((await attempt).values).toEqual([]);
    const swapped = new RecordStoreClient({
      exchange: {
        request: async () => alice.exchange.request(lastFetch()),
        handle: () => {},
      },
      signer: createSigner(bob.identity),
      verifier: ring.overlay.verifier(),
      kinds: ring.kinds,
      storageTimes: new StorageTimes({ clock, store: memoryStore().namespace('s') }),
      clock,
      log: silentLogger,
    });
    await get(alice.client);
    const outcome = await clock.run(swapped.fetch({ resource: hashToResourceId('bob@home.example'), kind: single.id }));
    expect([outcome.values, outcome.partial]).toEqual([[], true]);
  });

  it('R6940-13.5.3-03 notices a peer that serves an older value than before', async () => {
    await put(alice.client, 'old');
    let old: Answer | undefined;
    let replay = false;
    const client = clientThrough(async (_request, pass) => {
      const answer = await pass();
      old ??= answer;
      return replay ? old : answer;
    });
    await get(client);
    await put(alice.client, 'new');
    await get(client);
    expect(client.counters.rollbacks).toBe(0);
    replay = true;
    await get(client);
    expect(client.counters.rollbacks).toBe(1);
  });

  it('gives no value whose lifetime is over, though a peer still serves it', async () => {
    await put(alice.client, 'a');
    const client = clientThrough(async (_request, pass) =>
      rewritten(await pass(), 'single', (values) => values.map((value) => ({ ...value, lifetime: 0 }))),
    );
    expect((await get(client)).values).toEqual([]);
  });

  function lastFetch(): Request {
    return ring.trace.filter(({ request }) => request.code === MessageCode.fetchReq).at(-1)!.request;
  }
});

function rewritten(
  answer: Answer,
  model: 'single' | 'dictionary',
  change: (values: readonly StoredData[]) => readonly StoredData[],
): Answer {
  if (answer.code !== MessageCode.fetchAns) return answer;
  const kindResponses = decode(fetchAns, answer.body).kindResponses.map((response) => ({
    ...response,
    values: encodeStoredData(model, change(decodeStoredData(model, response.values))),
  }));
  return { ...answer, body: encode(fetchAns, { kindResponses }) };
}

describe('StorageTimes', () => {
  it('rises across restarts and clocks that were set back', async () => {
    const store = memoryStore().namespace('settings');
    let now = 5_000_000;
    const fresh = () => new StorageTimes({ clock: { now: () => now, after: clock.after.bind(clock) }, store });
    const first = fresh();
    const given = [await first.next(), await first.next()];
    now = 1000;
    given.push(await first.next());
    const second = fresh();
    given.push(await second.next(), await second.next());
    now = 9_000_000;
    given.push(await second.next(), await second.next(9_500_000n));
    expect(given).toEqual([...given].sort((a, b) => (a < b ? -1 : 1)));
    expect(new Set(given).size).toBe(given.length);
    expect(given[0]).toBe(5_000_000n);
    expect(given.at(-1)).toBe(9_500_001n);
  });

  it('writes once for many times in a second', async () => {
    const inner = memoryStore().namespace('settings');
    let writes = 0;
    const store = { ...inner, get: inner.get.bind(inner), keys: inner.keys.bind(inner), update: count };
    function count<T>(change: Parameters<typeof inner.update<T>>[0]): Promise<T> {
      writes += 1;
      return inner.update(change);
    }
    const times = new StorageTimes({ clock, store });
    await Promise.all(Array.from({ length: 500 }, () => times.next()));
    expect(writes).toBe(1);
  });
});
