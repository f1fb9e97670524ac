import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { utf8 } from '#platform/bytes.ts';
import { silentLogger } from '#platform/log.ts';
import { parseAor } from '#reload/usages/sip/aor.ts';
import { AorRegistration, type Binding } from '#reload/usages/sip/aor-registration.ts';
import { AorResolver } from '#reload/usages/sip/aor-resolver.ts';
import { printGruu } from '#reload/usages/sip/gruu.ts';
import { sipRegistrationKind } from '#reload/usages/sip/sip-registration-kind.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { KindId, MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination } from '#reload/wire/destination.ts';
import { fetchReq } from '#reload/wire/fetch.ts';
import { hashToResourceId, idBytes, type NodeId } from '#reload/wire/ids.ts';
import { sipRegistration } from '#reload/wire/sip-registration.ts';
import { VirtualClock } from '../../../simulation/virtual-clock.ts';
import { TEST_EPOCH } from '../../../support/overlay.ts';
import { type Member, StorageRing } from '../../storage/storage-ring.ts';

let clock: VirtualClock;
let ring: StorageRing;
let caller: Member;

beforeEach(async () => {
  clock = new VirtualClock(TEST_EPOCH);
  ring = await StorageRing.create({ clock, peers: 3 });
  caller = await ring.addClient('caller');
});
afterEach(() => ring.stop());

function registrationOf({ client }: Member, binding: Binding, lifetimeSeconds?: number) {
  const deps = { records: client, configuration: ring.overlay.source, clock, log: silentLogger };
  return new AorRegistration(deps, { binding, ...(lifetimeSeconds === undefined ? {} : { lifetimeSeconds }) });
}

const route = (...ids: NodeId[]): Binding => ({ type: 'route', destinations: ids.map(nodeDestination) });

async function register(user: string, binding?: Binding): Promise<Member> {
  const member = await ring.addClient(user);
  await clock.run(registrationOf(member, binding ?? route(member.nodeId)).start());
  return member;
}

function resolve(target: string) {
  ring.trace.length = 0;
  const deps = { records: caller.client, configuration: ring.overlay.source, log: silentLogger };
  return clock.run(new AorResolver(deps).resolve(target));
}

const fetches = () => ring.trace.filter(({ request }) => request.code === MessageCode.fetchReq);

describe('SIP registration', () => {
  it('R7904-3.1-01 R7904-3.1-04 R7904-4.2-01 R7904-4.2-02 is stored at the hash of the AOR and found by one Fetch without keys', async () => {
    const bob = await register('bob');
    const { routes } = await resolve('sip:bob@home.example');
    expect(routes).toEqual([
      { aor: 'bob@home.example', destinations: [nodeDestination(bob.nodeId)], nodeId: bob.nodeId, contactPrefs: '' },
    ]);
    expect(fetches().map(({ request }) => decode(fetchReq, request.body))).toEqual([
      {
        resource: hashToResourceId('bob@home.example'),
        specifiers: [{ kind: KindId.sipRegistration, generation: 0n, modelSpecifier: new Uint8Array(2) }],
      },
    ]);
  });

  it('R7904-3.2-08 R7904-7-02 R7890-5.2-02 holds one mapping for each device of a user', async () => {
    const [one, two] = [await register('bob'), await register('bob')];
    await clock.run(registrationOf(one, route(caller.nodeId, one.nodeId)).start());
    const { routes } = await resolve('bob@home.example');
    expect(new Set(routes.map(({ nodeId }) => nodeId))).toEqual(new Set([one.nodeId, two.nodeId]));
    expect(routes.find(({ nodeId }) => nodeId === one.nodeId)?.destinations).toHaveLength(2);
  });

  it('serves a hosted phone: the key is the phone, the list leads over the proxy', async () => {
    const proxy = ring.peers[0]!.nodeId;
    const phone = await ring.addClient('phone');
    await clock.run(registrationOf(phone, route(proxy, phone.nodeId)).start());
    const { routes } = await resolve('phone@home.example');
    expect(routes[0]).toMatchObject({
      destinations: [nodeDestination(proxy), nodeDestination(phone.nodeId)],
      nodeId: phone.nodeId,
    });
  });

  it('R7904-3.1-02 is refreshed before it ends, and ends by itself when it is not', async () => {
    const bob = await ring.addClient('bob');
    const registration = registrationOf(bob, route(bob.nodeId), 100);
    await clock.run(registration.start());
    await clock.advance(1_000_000);
    expect((await resolve('bob@home.example')).routes).toHaveLength(1);
    ring.dead.add(bob.nodeId);
    await clock.advance(101_000);
    expect((await resolve('bob@home.example')).routes).toEqual([]);
  });

  it('is removed when it stops, and follows updates', async () => {
    const bob = await ring.addClient('bob');
    const registration = registrationOf(bob, route(bob.nodeId));
    await clock.run(registration.start());
    await clock.run(
      registration.update({
        type: 'route',
        destinations: [nodeDestination(bob.nodeId)],
        contactPrefs: '(sip.schemes=SIPS)',
      }),
    );
    expect((await resolve('bob@home.example')).routes[0]?.contactPrefs).toBe('(sip.schemes=SIPS)');
    await clock.run(registration.stop());
    expect((await resolve('bob@home.example')).routes).toEqual([]);
    expect(registration.isPublished).toBe(false);
  });

  it('R7904-3.3-01 R7904-3.3-02 is refused for names of other domains, before anything is sent', async () => {
    const foreign = await ring.addClient('bob@foreign.example');
    ring.trace.length = 0;
    await expect(registrationOf(foreign, route(foreign.nodeId)).start()).rejects.toMatchObject({
      fault: { code: 'not-registrable' },
    });
    expect(ring.trace).toEqual([]);
    const kind = ring.kinds.get(KindId.sipRegistration)!;
    const value = { model: 'dictionary', key: idBytes(foreign.nodeId), exists: true, value: utf8('x') } as const;
    const signer = { nodeId: foreign.nodeId, userName: 'bob@foreign.example' };
    expect(kind.permits({ resource: hashToResourceId('bob@foreign.example'), value, signer })).toContain('domain');
  });

  it.each([
    [undefined, 'carol@any.example', true],
    [{ enable: false, patterns: ['.*'] }, 'bob@home.example', true],
    [{ enable: false, patterns: ['.*'] }, 'bob@sub.home.example', false],
    [{ enable: true, patterns: [] }, 'bob@home.example', false],
    [{ enable: true, patterns: ['home\\.example', '.*\\.my\\.example'] }, 'bob@a.my.example', true],
    [{ enable: true, patterns: ['home\\.example', '.*\\.my\\.example'] }, 'bob@my.example', false],
    [{ enable: true, patterns: ['home\\.example'] }, 'bob@home.example.evil.org', false],
  ])(
    'R7904-3.4-02 R7904-3.4-03 R7904-3.4-04 R7904-3.4-07 with restriction %j admits %s: %s',
    (domainRestriction, userName, admitted) => {
      const { current } = ring.overlay.source;
      const kinds = current.kinds.map((kind) =>
        kind.id === KindId.sipRegistration ? { ...kind, domainRestriction } : kind,
      );
      const permits = sipRegistrationKind.policy({ ...current, kinds }, undefined);
      const nodeId = caller.nodeId;
      const value = { model: 'dictionary', key: idBytes(nodeId), exists: true, value: utf8('x') } as const;
      const reason = permits({ resource: hashToResourceId(userName), value, signer: { nodeId, userName } });
      expect(reason === undefined).toBe(admitted);
    },
  );
});

describe('SIP resolution', () => {
  it('R7904-1-04 R7904-4.2-03 follows forwarding to other users', async () => {
    await register('a', { type: 'uri', uri: 'sip:b@home.example' });
    await register('b', { type: 'uri', uri: 'c@home.example' });
    const c = await register('c');
    const { routes } = await resolve('a@home.example');
    expect(routes.map(({ nodeId, aor }) => [nodeId, aor])).toEqual([[c.nodeId, 'c@home.example']]);
    expect(fetches()).toHaveLength(3);
  });

  it('ends when users forward to each other in a circle', async () => {
    await register('a', { type: 'uri', uri: 'sip:b@home.example' });
    await register('b', { type: 'uri', uri: 'sip:a@home.example' });
    expect(await resolve('a@home.example')).toEqual({ routes: [], external: [] });
    expect(fetches()).toHaveLength(2);
  });

  it('R7904-8.2.1-01 stops after eight forwardings and at sixteen branches', async () => {
    for (let i = 0; i < 10; i += 1) await register(`u${i}`, { type: 'uri', uri: `u${i + 1}@home.example` });
    await register('u10');
    expect((await resolve('u0@home.example')).routes).toEqual([]);
    expect(fetches()).toHaveLength(8);
    expect((await resolve('u3@home.example')).routes).toHaveLength(1);
    for (let i = 0; i < 20; i += 1) await register('many');
    expect((await resolve('many@home.example')).routes).toHaveLength(16);
  });

  it('R7904-4.1-01 R7904-6-04 takes the list out of a GRUU of this overlay without asking anybody', async () => {
    const aor = parseAor('nobody@home.example')!;
    const { routes } = await resolve(printGruu({ aor, destinations: [nodeDestination(caller.nodeId)] }));
    expect(routes).toEqual([
      { aor, destinations: [nodeDestination(caller.nodeId)], nodeId: caller.nodeId, contactPrefs: '' },
    ]);
    expect(ring.trace).toEqual([]);
  });

  it('R7904-4.2-04 R7904-6-05 counts a registration and a GRUU with the same list once', async () => {
    const bob = await ring.addClient('bob');
    await clock.run(registrationOf(bob, route(bob.nodeId)).start());
    const second = await ring.addClient('bob');
    const uri = printGruu({ aor: parseAor('bob@home.example')!, destinations: [nodeDestination(bob.nodeId)] });
    await clock.run(registrationOf(second, { type: 'uri', uri }).start());
    expect((await resolve('bob@home.example')).routes).toHaveLength(1);
  });

  it('R7904-4.2-06 R7904-4.1-04 R7904-3.1-05 hands addresses of other domains back instead of looking here', async () => {
    await register('bob', { type: 'uri', uri: 'sip:bob@elsewhere.example' });
    expect(await resolve('bob@home.example')).toEqual({ routes: [], external: ['sip:bob@elsewhere.example'] });
    expect(fetches()).toHaveLength(1);
    expect((await resolve('sip:x@foreign.example')).external).toEqual(['sip:x@foreign.example']);
    expect(fetches()).toEqual([]);
  });

  it('R7904-3.2-05 passes over registrations of unknown types and malformed ones', async () => {
    const good = await register('bob');
    for (const bytes of [utf8('\u004d\u0000\u0002xy'), utf8('nonsense')]) {
      const other = await ring.addClient('bob');
      await clock.run(
        other.client.store({
          resource: hashToResourceId('bob@home.example'),
          kind: KindId.sipRegistration,
          values: [{ place: { model: 'dictionary', key: idBytes(other.nodeId) }, value: bytes }],
          lifetimeSeconds: 60,
        }),
      );
    }
    expect((await resolve('bob@home.example')).routes.map(({ nodeId }) => nodeId)).toEqual([good.nodeId]);
  });

  it('R7904-4.1-05 says so when nobody is registered, the address is none, or the overlay is out of reach', async () => {
    expect(await resolve('nobody@home.example')).toEqual({ routes: [], external: [] });
    await expect(resolve('not an address')).rejects.toMatchObject({ fault: { code: 'not-an-aor' } });
    ring.dead.add(caller.nodeId);
    await expect(resolve('bob@home.example')).rejects.toMatchObject({ fault: { code: 'unreachable' } });
  });

  it('R7904-3.2-01 writes the registration forms of the vectors', () => {
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
    expect(hex(encode(sipRegistration, { type: 'uri', uri: 'bob@dht.example.com' }))).toBe(
      '0100150013626f62406468742e6578616d706c652e636f6d',
    );
  });
});
