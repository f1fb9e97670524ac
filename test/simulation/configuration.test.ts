import { describe, expect, it } from 'vitest';
import type { KindConfiguration } from '#reload/overlay-config/configuration.ts';
import { nextSequence } from '#reload/overlay-config/current-configuration.ts';
import type { ConfigurationFault } from '#reload/overlay-config/fault.ts';
import { ErrorCode, MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination } from '#reload/wire/destination.ts';
import { hashToResourceId, type NodeId } from '#reload/wire/ids.ts';
import { ConfiguredWorld, type Member } from './configured-world.ts';

const KIND: KindConfiguration = {
  id: 0xf0000200,
  name: undefined,
  dataModel: 'SINGLE',
  accessControl: 'NODE-MATCH',
  maxCount: 1,
  maxSize: 100,
  maxNodeMultiple: undefined,
  domainRestriction: undefined,
  branchingFactor: undefined,
};

/** Stores `length` bytes in the one place where the Kind lets the member; resolves with "stored" or what was wrong. */
async function storeOwn(world: ConfiguredWorld, member: Member, length: number): Promise<string | number> {
  const resource = hashToResourceId(Buffer.from(member.node.nodeId, 'hex'));
  const values = [{ place: { model: 'single' } as const, value: Buffer.alloc(length, 7) }];
  const stored = member.node.records.store({ resource, kind: KIND.id, values, lifetimeSeconds: 3600 });
  return world.clock.run(
    stored.then(
      () => 'stored',
      ({ fault }) => fault.errorCode ?? fault.code,
    ),
  );
}

function faultOf(action: () => void): ConfigurationFault['code'] | undefined {
  try {
    action();
  } catch (failure) {
    return (failure as { code: ConfigurationFault['code'] }).code;
  }
  return undefined;
}

const isLinked = (a: Member, b: Member) => a.node.status().links.some(({ nodeId }) => nodeId === b.node.nodeId);
const kindsOf = ({ configuration }: Member) => configuration.current.kinds.map(({ id }) => id);

describe('a changed document in a running ring', () => {
  it('R6940-6.5.4.2-06 reaches twelve peers within five seconds and takes effect without a restart', async () => {
    const world = await ConfiguredWorld.create('spread', 12, {});
    const [first] = world.members;
    expect(await storeOwn(world, first!, 60)).toBe('unknown-kind');
    const kinds = [...world.overlay.configuration.kinds, KIND];
    const document = world.sign({ sequence: 1, kinds, maxMessageSize: 40_000 });
    first!.node.adoptConfiguration(document);
    await world.spread(1, 5000);
    for (const member of world.members) {
      expect(member.configuration.current.maxMessageSize).toBe(40_000);
      expect(member.kept).toEqual([document]);
    }
    for (const member of world.members.slice(0, 3)) expect(await storeOwn(world, member, 60)).toBe('stored');
    expect(world.isRing()).toBe(true);
    const ping = Buffer.concat([Buffer.from([0x9c, 0x40]), Buffer.alloc(40_000)]);
    const [, second, third] = world.members;
    const asked = second!.node.exchange.request({
      destination: [nodeDestination(third!.node.nodeId)],
      code: MessageCode.pingReq,
      body: ping,
    });
    await expect(world.clock.run(asked)).rejects.toMatchObject({ fault: { code: 'too-large' } });
  }, 60_000);

  it('R6940-6.3.2.1-08 follows 65534 with 0, in a ring that goes on working', async () => {
    const world = await ConfiguredWorld.create('wrap', 5, { sequence: 65_534 });
    expect(nextSequence(65_533)).toBe(65_534);
    const sequence = nextSequence(65_534);
    expect(sequence).toBe(0);
    const [first, second] = world.members;
    expect(faultOf(() => first!.node.adoptConfiguration(world.sign({ sequence: 65_535 })))).toBe('bad-value');
    const before = world.sign({ sequence: 65_534, turnDensity: 3 });
    first!.node.adoptConfiguration(world.sign({ sequence }));
    await world.spread(0, 5000);
    expect(faultOf(() => second!.node.adoptConfiguration(before))).toBe('stale');
    const pinged = await world.ask(first!, nodeDestination(second!.node.nodeId), MessageCode.pingReq, Buffer.alloc(2));
    expect(pinged).toBeInstanceOf(Uint8Array);
  });

  it('hands the right to sign on: the next document comes from the new signer, and not from the old one', async () => {
    const world = await ConfiguredWorld.create('signers', 5);
    const [first, second] = world.members;
    const successor = await world.overlay.identity('successor');
    const signers = { configurationSigners: [successor.nodeId], kindSigners: [successor.nodeId] };
    const handover = world.sign({ ...signers, sequence: 1 }, { kindsBy: () => successor });
    const usurped = world.sign({ ...signers, sequence: 1 }, { by: successor });
    expect(faultOf(() => first!.node.adoptConfiguration(usurped))).toBe('signature');
    first!.node.adoptConfiguration(handover);
    await world.spread(1, 5000);
    const late = world.sign({ ...signers, sequence: 2 }, { kindsBy: () => successor });
    expect(faultOf(() => second!.node.adoptConfiguration(late))).toBe('signature');
    second!.node.adoptConfiguration(world.sign({ ...signers, sequence: 2 }, { by: successor }));
    await world.spread(2, 5000);
    expect(world.isRing()).toBe(true);
  });

  it('is given to those who were away, when they come back with the old one', async () => {
    const world = await ConfiguredWorld.create('away', 4);
    const [first] = world.members;
    const fourth = world.members.pop()!;
    await world.clock.run(fourth.node.stop());
    first!.node.adoptConfiguration(world.sign({ sequence: 1 }));
    await world.spread(1, 5000);
    const back = await world.add('peer3', { identity: fourth.identity });
    expect(back.configuration.current.sequence).toBe(1);
    await world.clock.runUntil(() => world.isRing(), 60_000);
  });
});

describe('Kinds of a changed document', () => {
  it('R6940-11.1-49 override what was known: a lowered max-size counts at the storing peer at once', async () => {
    const world = await ConfiguredWorld.create('override', 4, { kinds: [KIND] });
    const generous = (id: number) =>
      id === KIND.id
        ? { ...KIND, name: 'generous', dataModel: 'single' as const, permits: () => undefined }
        : undefined;
    const writer = await world.add('writer', { mode: 'client', kinds: generous });
    expect(await storeOwn(world, writer, 60)).toBe('stored');
    world.members[0]!.node.adoptConfiguration(world.sign({ sequence: 1, kinds: [{ ...KIND, maxSize: 50 }] }));
    await world.spread(1, 5000);
    expect(await storeOwn(world, writer, 60)).toBe(ErrorCode.dataTooLarge);
    expect(await storeOwn(world, writer, 50)).toBe('stored');
  });

  it('R6940-11.1-50 are discarded with all that is stored when their signer may not sign Kinds any more', async () => {
    const world = await ConfiguredWorld.create('disowned', 5);
    const second = await world.overlay.identity('second-signer');
    const first = world.overlay.configurationSigner.nodeId;
    const kinds = [...world.overlay.configuration.kinds, KIND];
    const kindsBy = (id: number) => (id === KIND.id ? second : undefined);
    const [peer] = world.members;
    const both = { sequence: 1, kinds, kindSigners: [first, second.nodeId] };
    peer!.node.adoptConfiguration(world.sign(both, { kindsBy }));
    await world.spread(1, 5000);
    for (const member of world.members) expect(await storeOwn(world, member, 10)).toBe('stored');
    const held = () =>
      world.members.flatMap(({ node }) => node.recordNames(100)).filter(({ kind }) => kind === KIND.id);
    expect(held().length).toBeGreaterThanOrEqual(5);
    peer!.node.adoptConfiguration(world.sign({ sequence: 2, kinds, kindSigners: [first] }, { kindsBy }));
    await world.spread(2, 5000);
    await world.clock.advance(100);
    expect(held()).toEqual([]);
    for (const member of world.members) {
      expect(kindsOf(member)).not.toContain(KIND.id);
      expect(await storeOwn(world, member, 10)).toBe('unknown-kind');
    }
  });

  it('that are dropped take their records along, and the others stay', async () => {
    const kinds = [KIND, { ...KIND, id: KIND.id + 1 }];
    const world = await ConfiguredWorld.create('dropped', 3, { kinds });
    const [first] = world.members;
    const place = { model: 'single' } as const;
    const resource = hashToResourceId(Buffer.from(first!.node.nodeId, 'hex'));
    for (const { id } of kinds) {
      const values = [{ place, value: Buffer.of(1) }];
      await world.clock.run(first!.node.records.store({ resource, kind: id, values, lifetimeSeconds: 3600 }));
    }
    first!.node.adoptConfiguration(world.sign({ sequence: 1, kinds: kinds.slice(1) }));
    await world.spread(1, 5000);
    await world.clock.advance(100);
    const held = world.members.flatMap(({ node }) => node.recordNames(10)).map(({ kind }) => kind);
    expect(new Set(held)).toEqual(new Set([KIND.id + 1]));
  });
});

describe('a node under a changed document', () => {
  it('R6940-11.1-47 follows timers, limits, bootstrap nodes and bad nodes as it runs', async () => {
    const world = await ConfiguredWorld.create('reconfigured', 6);
    const [first, , , , bad] = world.members;
    await world.clock.advance(120_000);
    const updates = world.tap(MessageCode.updateReq);
    await world.clock.advance(30_000);
    expect(updates.length).toBeLessThan(50);
    const bootstrapNodes = [{ address: '10.0.0.3', port: 6084 }];
    const badNodes = [bad!.node.nodeId];
    first!.node.adoptConfiguration(world.sign({ sequence: 1, chordUpdateInterval: 5, bootstrapNodes, badNodes }));
    const others = world.members.filter((member) => member !== bad);
    await world.clock.runUntil(() => others.every(({ configuration }) => configuration.current.sequence === 1), 5000);
    await world.clock.advance(1000);
    expect(others.filter((other) => isLinked(other, bad!)).map(({ name }) => name)).toEqual([]);
    const begun = updates.length;
    await world.clock.advance(30_000);
    expect(updates.length - begun).toBeGreaterThan(100);
    const asked = await world.ask(bad!, nodeDestination(first!.node.nodeId), MessageCode.pingReq, Buffer.alloc(2));
    expect(asked).not.toBeInstanceOf(Uint8Array);
    expect(others.filter((other) => isLinked(other, bad!))).toEqual([]);
    world.members.splice(4, 1);
    await world.clock.runUntil(() => world.isRing(), 60_000);
  });

  it('R6940-11.1-47 R6940-6.5.4.2-06 leaves and comes back when all links have to be made anew', async () => {
    const world = await ConfiguredWorld.create('re-entry', 6, { kinds: [KIND] });
    for (const member of world.members) expect(await storeOwn(world, member, 10)).toBe('stored');
    const linksUp = () => new Set(world.members.flatMap(({ node }) => node.status().links.map((link) => link.nodeId)));
    const [first] = world.members;
    first!.node.adoptConfiguration(world.sign({ sequence: 1, kinds: [KIND], sharedSecret: 'another one' }));
    await world.spread(1, 5000);
    expect(linksUp().size).toBe(6);
    await world.clock.advance(10_000);
    expect(world.isRing()).toBe(true);
    await world.clock.runUntil(() => world.members.some(({ node }) => node.status().links.length === 0), 30_000);
    await world.clock.runUntil(() => world.isRing(), 300_000);
    const resource = hashToResourceId(Buffer.from(first!.node.nodeId, 'hex'));
    const fetched = await world.clock.run(world.members[3]!.node.records.fetch({ resource, kind: KIND.id }));
    expect(fetched.values).toHaveLength(1);
  });

  it.each([
    ['a topology plug-in', { topologyPlugin: 'OTHER-RING' }, /OTHER-RING/],
    ['a mandatory extension', { mandatoryExtensions: ['urn:example:new'] }, /urn:example:new/],
    ['another length of Node-IDs', longIds(), /node-id-length 20/],
    ['ICE', { noIce: false }, /no-ice/],
    ['a link protocol', { linkProtocols: ['NEW'] }, /overlay-link-protocol/],
  ] as const)('R6940-11.1-48 says Leave and closes when it lacks %s', async (_what, changes, why) => {
    const world = await ConfiguredWorld.create('exit', 3);
    const [first, second, third] = world.members;
    const leaves = world.tap(MessageCode.leaveReq);
    const document = world.sign({ ...changes, sequence: 1 });
    const forged = world.sign({ ...changes, sequence: 1 }, { by: third!.identity });
    expect(faultOf(() => third!.node.adoptConfiguration(forged))).toBe('signature');
    expect(faultOf(() => third!.node.adoptConfiguration(document))).toBe('unsupported');
    await world.clock.runUntil(() => third!.exit !== undefined, 30_000);
    expect(third!.exit?.message).toMatch(why);
    expect(third!.node.status()).toMatchObject({ joined: false, links: [], exit: third!.exit?.message });
    expect(third!.kept).toEqual([document]);
    expect(new Set(leaves.map(({ from }) => from))).toEqual(new Set([third!.node.nodeId]));
    await world.clock.runUntil(() => world.isRing(), 60_000);
    expect([first!.exit, second!.exit]).toEqual([undefined, undefined]);
  });

  it('R6940-11.1-48 leaves as a client when clients are no longer permitted, and as a member whose certificate no root covers', async () => {
    const world = await ConfiguredWorld.create('unwanted', 3);
    const client = await world.add('client', { mode: 'client' });
    world.members[0]!.node.adoptConfiguration(world.sign({ sequence: 1, clientsPermitted: false }));
    await world.clock.runUntil(() => client.exit !== undefined, 30_000);
    expect(client.exit?.code).toBe('clients-not-permitted');
    const again = await world.make('again', { mode: 'client', document: client.kept[0]! });
    await expect(world.clock.run(again.node.start())).rejects.toMatchObject({ code: 'clients-not-permitted' });
    expect(again.node.status().links).toEqual([]);
    const [first, second] = world.members;
    const banned = world.sign({ sequence: 2, badNodes: [second!.node.nodeId] });
    second!.node.adoptConfiguration(banned);
    await world.clock.runUntil(() => second!.exit !== undefined, 30_000);
    expect(second!.exit?.code).toBe('bad-node');
    expect(first!.exit).toBeUndefined();
  });
});

function longIds() {
  const id = 'ab'.repeat(20) as NodeId;
  return { nodeIdLength: 20, configurationSigners: [id], kindSigners: [id] };
}

describe('a node that missed changes of the signers', () => {
  it('R6940-6.5.4.2-08 gets the document anew as when it first came, and is a member again', async () => {
    const world = await ConfiguredWorld.create('missed', 4);
    const [first] = world.members;
    const [second, third] = [await world.overlay.identity('second-signer'), await world.overlay.identity('third')];
    let published = world.overlay.document;
    const sleeper = await world.add('sleeper', { fetchConfiguration: async () => published });
    await world.clock.run(sleeper.node.stop());
    world.members.pop();
    const signers = (by: { readonly nodeId: NodeId }) => ({
      configurationSigners: [by.nodeId],
      kindSigners: [by.nodeId],
    });
    const kindsBy = () => second;
    first!.node.adoptConfiguration(world.sign({ ...signers(second), sequence: 1 }, { kindsBy }));
    await world.spread(1, 5000);
    published = world.sign({ ...signers(third), sequence: 2 }, { by: second, kindsBy: () => third });
    first!.node.adoptConfiguration(published);
    await world.spread(2, 5000);
    // The server has it signed by the third one, as newcomers need it.
    published = world.sign({ ...signers(third), sequence: 2 }, { by: third });
    const back = await world.make('sleeper', {
      identity: sleeper.identity,
      fetchConfiguration: async () => published,
    });
    await world.clock.run(back.node.start());
    expect(back.configuration.current).toMatchObject({ sequence: 2, configurationSigners: [third.nodeId] });
    await world.clock.runUntil(() => world.isRing(), 60_000);
    const lost = await world.make('lost', { identity: await world.overlay.identity('lost'), startTimeout: 5000 });
    await expect(world.clock.run(lost.node.start())).rejects.toMatchObject({ code: 'no-contact' });
    expect(lost.configuration.current.sequence).toBe(0);
  });
});
