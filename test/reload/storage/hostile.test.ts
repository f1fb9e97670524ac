import { afterAll, beforeAll, expect, it } from 'vitest';
import { utf8 } from '#platform/bytes.ts';
import { Failure } from '#platform/failure.ts';
import { encode } from '#reload/wire/codec.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { resourceDestination } from '#reload/wire/destination.ts';
import { encodeModelSpecifier, fetchReq } from '#reload/wire/fetch.ts';
import { findReq } from '#reload/wire/find.ts';
import { hashToResourceId } from '#reload/wire/ids.ts';
import { SeededRandom } from '../../simulation/seeded-random.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { TEST_EPOCH } from '../../support/overlay.ts';
import { type Member, StorageRing, TEST_KINDS } from './storage-ring.ts';

const ALICE = hashToResourceId('alice@home.example');
let clock: VirtualClock;
let ring: StorageRing;
let alice: Member;

beforeAll(async () => {
  clock = new VirtualClock(TEST_EPOCH);
  ring = await StorageRing.create({ clock, peers: 3 });
  alice = await ring.addClient('alice');
});
afterAll(() => ring.stop());

/** Flips bits, cuts the end off, or writes 0xff over a few bytes, where lengths often are. */
function mutated(body: Uint8Array, random: SeededRandom): Uint8Array {
  const copy = body.slice();
  const at = Math.floor(random.unit() * copy.length);
  const choice = random.unit();
  if (choice < 0.25) return copy.subarray(0, at);
  if (choice < 0.5) copy.fill(0xff, at, at + 4);
  else copy[at] = (copy[at] ?? 0) ^ (1 << Math.floor(random.unit() * 8));
  return copy;
}

it.each(['store', 'fetch', 'stat', 'find'] as const)(
  'a mutated %s is answered, refused or discarded, and never fails otherwise',
  async (what) => {
    const values = [{ place: { model: 'dictionary', key: utf8('k') } as const, value: utf8('v') }];
    await clock.run(alice.client.store({ resource: ALICE, kind: TEST_KINDS.keyed.id, values, lifetimeSeconds: 60 }));
    const sent = ring.trace.filter(
      ({ from, request }) => from === alice.nodeId && request.code === MessageCode.storeReq,
    );
    const specifiers = [
      {
        kind: TEST_KINDS.keyed.id,
        generation: 0n,
        modelSpecifier: encodeModelSpecifier({ model: 'dictionary', keys: [utf8('k')] }),
      },
      {
        kind: TEST_KINDS.array.id,
        generation: 0n,
        modelSpecifier: encodeModelSpecifier({ model: 'array', indices: [{ first: 0, last: 9 }] }),
      },
    ];
    const reading = encode(fetchReq, { resource: ALICE, specifiers });
    const [code, body] = {
      store: [MessageCode.storeReq, sent.at(-1)!.request.body] as const,
      fetch: [MessageCode.fetchReq, reading] as const,
      stat: [MessageCode.statReq, reading] as const,
      find: [MessageCode.findReq, encode(findReq, { resource: ALICE, kinds: [TEST_KINDS.keyed.id] })] as const,
    }[what];
    const random = new SeededRandom(what);
    const outcomes = new Map<string, number>();
    for (let i = 0; i < 250; i += 1) {
      const destination = [resourceDestination(ALICE)];
      const attempt = alice.exchange.request({ destination, code, body: mutated(body, random) });
      const outcome = await clock.run(attempt).then(
        () => 'answered',
        (thrown) => (thrown instanceof Failure ? String(thrown.code) : `failed: ${thrown}`),
      );
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    expect([...outcomes.keys()].filter((outcome) => !['answered', 'remote', 'timeout'].includes(outcome))).toEqual([]);
    expect(outcomes.get('timeout')).toBeGreaterThan(0);
  },
);
