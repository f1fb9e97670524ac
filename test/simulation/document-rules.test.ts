import { describe, expect, it } from 'vitest';
import { generatePrivateKey } from '#reload/enrollment/keys.ts';
import { makeSelfSignedCertificate } from '#reload/enrollment/self-generated.ts';
import { readCertificate } from '#reload/security/certificate.ts';
import { attach } from '#reload/wire/attach.ts';
import { decode } from '#reload/wire/codec.ts';
import { KindId, MessageCode } from '#reload/wire/codes.ts';
import { hashToResourceId, idBytes } from '#reload/wire/ids.ts';
import { ConfiguredWorld, type Member } from './configured-world.ts';

/** A TURN server's record of its own, where the Kind's policy wants it. */
function storeTurn(world: ConfiguredWorld, { node }: Member) {
  const resource = hashToResourceId(Buffer.concat([idBytes(node.nodeId), Buffer.of(1)]));
  const values = [{ place: { model: 'single' } as const, value: Buffer.from('0101060a0000010d80', 'hex') }];
  return world.clock.run(node.records.store({ resource, kind: KindId.turnService, values, lifetimeSeconds: 3600 }));
}

describe('clients-permitted', () => {
  it.each([
    ['absent', ''],
    ['true', '<clients-permitted>true</clients-permitted>'],
    ['1', '<clients-permitted> 1 </clients-permitted>'],
  ])('R6940-11.1-18 lets a client attach and fetch when it is %s', async (_what, element) => {
    const world = await ConfiguredWorld.create('clients', 2);
    const edit = (xml: string) => xml.replace(/<clients-permitted>.*<\/clients-permitted>/, element);
    const document = world.sign({ sequence: 1 }, { edit });
    world.members[0]!.node.adoptConfiguration(document);
    await world.spread(1, 5000);
    const client = await world.add('client', { mode: 'client', document });
    expect(client.node.status().uplink).toBeDefined();
    const resource = hashToResourceId('anything');
    const fetched = await world.clock.run(client.node.records.fetch({ resource, kind: KindId.certificateByUser }));
    expect(fetched.values).toEqual([]);
  });

  it('R6940-11.1-19 lets nobody be a client when it is false, and peers join all the same', async () => {
    const world = await ConfiguredWorld.create('no clients', 2, { clientsPermitted: false });
    const attaches = world.tap(MessageCode.attachReq);
    const client = await world.make('client', { mode: 'client' });
    await expect(world.clock.run(client.node.start())).rejects.toThrow(/permits no clients; run as a peer/);
    expect(attaches.filter(({ from }) => from === client.node.nodeId)).toEqual([]);
    expect(client.node.status().links).toEqual([]);
    const peer = await world.add('peer');
    expect(peer.node.status().joined).toBe(true);
    // A client in the process of a peer is that peer's affair.
    const hosted = await world.clock.run(peer.node.hostClient(await world.overlay.identity('phone')));
    expect(hosted.status().joined).toBe(true);
  });
});

describe('no-ice', () => {
  it('R6940-11.1-20 makes every node offer and take No-ICE links only, without anything for STUN', async () => {
    const world = await ConfiguredWorld.create('no ice', 2);
    const requests = world.tap(MessageCode.attachReq);
    const answers = world.tap(MessageCode.attachAns);
    await world.add('third');
    await world.clock.runUntil(() => world.isRing(), 60_000);
    expect(Math.min(requests.length, answers.length)).toBeGreaterThan(0);
    for (const { body } of [...requests, ...answers]) {
      const { ufrag, password, candidates } = decode(attach, body);
      expect([ufrag, password]).toEqual(['', '']);
      for (const { overlayLink, type } of candidates) {
        expect([3, 4]).toContain(overlayLink);
        expect(type).toBe('host');
      }
    }
  });

  it.each([
    ['false', '<no-ice>false</no-ice>'],
    ['absent', ''],
  ])('R6940-11.1-20 keeps a node without ICE out when it is %s', async (_what, element) => {
    const world = await ConfiguredWorld.create('ice', 2);
    const document = world.sign({ sequence: 1 }, { edit: (xml) => xml.replace(/<no-ice>.*<\/no-ice>/, element) });
    expect(() => world.members[0]!.node.adoptConfiguration(document)).toThrow(/no-ice/);
    await world.clock.runUntil(() => world.members[0]!.exit !== undefined, 30_000);
  });
});

describe('turn-density', () => {
  it('R6940-11.1-17 is 1 when absent, and with 0 nobody is registered as a TURN server', async () => {
    const world = await ConfiguredWorld.create('turn', 3);
    const [first, second] = world.members;
    const stores = world.tap(MessageCode.storeReq);
    expect(first!.configuration.current.turnDensity).toBe(0);
    await expect(storeTurn(world, first!)).rejects.toMatchObject({ code: 'not-allowed' });
    expect(stores).toEqual([]);
    const edit = (xml: string) => xml.replace(/<turn-density>.*<\/turn-density>/, '');
    first!.node.adoptConfiguration(world.sign({ sequence: 1 }, { edit }));
    await world.spread(1, 5000);
    expect(second!.configuration.current.turnDensity).toBe(1);
    await storeTurn(world, first!);
    await storeTurn(world, second!);
    // Peers judge by the document as well: one that does not keep to it stores nothing.
    const careless = await world.add('careless', {
      document: world.sign({ sequence: 1 }, { edit }),
      kinds: (id) => (id === KindId.turnService ? anyTurn : undefined),
    });
    first!.node.adoptConfiguration(world.sign({ sequence: 2, turnDensity: 0 }));
    await world.spread(2, 5000);
    await expect(storeTurn(world, careless)).rejects.toMatchObject({ fault: { code: 'remote' } });
  });
});

const anyTurn = {
  id: KindId.turnService,
  name: 'TURN-SERVICE',
  dataModel: 'single',
  maxCount: 1,
  maxSize: 64,
  permits: () => undefined,
} as const;

describe('enrollment-server', () => {
  it('R6940-11.3-01 makes a node need credentials from it: with self-made ones it does not even knock', async () => {
    const enrollmentServers = ['https://home.example/enroll'];
    const world = await ConfiguredWorld.create('credentials', 2, { enrollmentServers });
    const privateKey = await generatePrivateKey('p-256');
    const der = await makeSelfSignedCertificate(
      world.clock,
      { ...world.overlay.configuration, selfSignedDigest: 'sha256' },
      { userName: 'stranger@home.example', privateKey, nodeIds: 1 },
    );
    const certificate = readCertificate(der);
    const identity = { nodeId: certificate.nodeIds[0]!, certificate, chain: [], privateKey };
    const stranger = await world.make('stranger', { identity });
    const before = world.network.messages;
    const dials = countDials(world);
    await expect(world.clock.run(stranger.node.start())).rejects.toMatchObject({ code: 'untrusted-chain' });
    expect(dials()).toBe(0);
    expect(world.network.messages - before).toBe(0);
    expect(stranger.node.status()).toMatchObject({ joined: false, links: [] });
  });
});

function countDials(world: ConfiguredWorld): () => number {
  const { network } = world;
  const find = network.find.bind(network);
  let dials = 0;
  network.find = (at) => {
    dials++;
    return find(at);
  };
  return () => dials;
}
