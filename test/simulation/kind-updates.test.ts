import { describe, expect, it } from 'vitest';
import type { KindConfiguration } from '#reload/overlay-config/configuration.ts';
import { BASE_NAMESPACE } from '#reload/overlay-config/namespaces.ts';
import { printKind } from '#reload/overlay-config/print.ts';
import { readXml } from '#reload/overlay-config/xml.ts';
import { signElement } from '#reload/security/configuration-signature.ts';
import type { Identity } from '#reload/security/identity.ts';
import { createSigner } from '#reload/security/signer.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { ErrorCode, MessageCode } from '#reload/wire/codes.ts';
import { configUpdateReq } from '#reload/wire/config-update.ts';
import { nodeDestination, resourceDestination } from '#reload/wire/destination.ts';
import { fetchReq } from '#reload/wire/fetch.ts';
import { hashToResourceId } from '#reload/wire/ids.ts';
import { ConfiguredWorld, type Member } from './configured-world.ts';

const KIND: KindConfiguration = {
  id: 0xf0000300,
  name: undefined,
  dataModel: 'SINGLE',
  accessControl: 'NODE-MATCH',
  maxCount: 1,
  maxSize: 100,
  maxNodeMultiple: undefined,
  domainRestriction: undefined,
  branchingFactor: undefined,
};

function kindBlock(signer: Identity, changes: Partial<KindConfiguration> = {}): Buffer {
  const xml = printKind({ ...KIND, ...changes });
  const signature = Buffer.from(signElement(createSigner(signer), Buffer.from(xml))).toString('base64');
  return Buffer.from(`<kind-block>${xml}<kind-signature>${signature}</kind-signature></kind-block>`);
}

function offer(world: ConfiguredWorld, to: Member, ...kinds: readonly Uint8Array[]) {
  const body = encode(configUpdateReq, { type: 'kind', kinds });
  return world.ask(world.members[0]!, nodeDestination(to.node.nodeId), MessageCode.configUpdateReq, body);
}

const definition = ({ configuration }: Member) => configuration.current.kinds.find(({ id }) => id === KIND.id);

function storeOwn(world: ConfiguredWorld, member: Member) {
  const resource = hashToResourceId(Buffer.from(member.node.nodeId, 'hex'));
  const values = [{ place: { model: 'single' } as const, value: Buffer.of(1, 2, 3) }];
  return world.clock.run(member.node.records.store({ resource, kind: KIND.id, values, lifetimeSeconds: 3600 }));
}

describe('Kinds that travel without a document', () => {
  it('R6940-7.4.1.2-08 R6940-6.5.4.1-02 go to the peer that does not know one, and then the request succeeds', async () => {
    const world = await ConfiguredWorld.create('teaching', 4);
    const document = world.sign({ kinds: [...world.overlay.configuration.kinds, KIND] });
    const informed = await world.add('informed', { document });
    await world.clock.runUntil(() => world.isRing(), 60_000);
    const resource = hashToResourceId(Buffer.from(informed.node.nodeId, 'hex'));
    const { nodeId } = await world.clock.run(informed.node.queries.ping([resourceDestination(resource)]));
    const responsible = world.members.find(({ node }) => node.nodeId === nodeId)!;
    expect(responsible).not.toBe(informed);
    expect(definition(responsible)).toBeUndefined();
    const updates = world.tap(MessageCode.configUpdateReq);

    await storeOwn(world, informed);
    expect(definition(responsible)).toMatchObject({ id: KIND.id, maxSize: 100 });
    const fromIt = updates.filter(({ from }) => from === informed.node.nodeId);
    const update = decode(configUpdateReq, fromIt[0]!.body);
    if (update.type !== 'kind') throw new Error('an update of type kind was expected');
    // RFC 6940 §6.5.4.1: UTF-8 under the default namespace, declared or not.
    const text = Buffer.from(update.kinds[0]!).toString('utf8');
    expect(text).toMatch(/^<kind-block>\s*<kind id="4026532608">/);
    const block = readXml(update.kinds[0]!, { '': BASE_NAMESPACE });
    expect([block.namespace, block.name]).toEqual(['urn:ietf:params:xml:ns:p2p:config-base', 'kind-block']);
    expect(block.children.map(({ namespace, name }) => `${namespace} ${name}`)).toEqual([
      'urn:ietf:params:xml:ns:p2p:config-base kind',
      'urn:ietf:params:xml:ns:p2p:config-base kind-signature',
    ]);
    // Replicas are taught as well, so that the record survives the responsible peer.
    await world.clock.advance(2000);
    expect(world.members.filter(definition).length).toBeGreaterThanOrEqual(3);
  });

  it('R6940-7.4.1.2-08 are not made up: of a Kind without a definition there is no update', async () => {
    const world = await ConfiguredWorld.create('nothing to teach', 3);
    const [asking, asked] = world.members;
    const updates = world.tap(MessageCode.configUpdateReq);
    const resource = hashToResourceId(Buffer.from(asked!.node.nodeId, 'hex'));
    const specifiers = [{ kind: 0xf0000999, generation: 0n, modelSpecifier: new Uint8Array() }];
    const fetch = encode(fetchReq, { resource, specifiers });
    const code = await world.ask(asking!, nodeDestination(asked!.node.nodeId), MessageCode.fetchReq, fetch);
    expect(code).toBe(ErrorCode.unknownKind);
    await world.clock.advance(5000);
    expect(updates).toEqual([]);
  });

  it('R6940-6.5.4.1-02 are read in UTF-8 and in that namespace only, declared or by default', async () => {
    const world = await ConfiguredWorld.create('namespaces', 2);
    const [, peer] = world.members;
    const signer = world.overlay.configurationSigner;
    const declared = kindBlock(signer).toString().replace('<kind-block>', `<kind-block xmlns="${BASE_NAMESPACE}">`);
    expect(await offer(world, peer!, Buffer.from(declared))).toEqual(new Uint8Array());
    expect(definition(peer!)).toBeDefined();
    const foreign = kindBlock(signer, { id: KIND.id + 1 })
      .toString()
      .replace('<kind-block>', '<kind-block xmlns="urn:x">');
    expect(await offer(world, peer!, Buffer.from(foreign))).toBe(ErrorCode.invalidMessage);
    const latin = Buffer.from(
      kindBlock(signer, { id: KIND.id + 2 })
        .toString()
        .replace('<kind ', '<!-- \xe9 --><kind '),
      'latin1',
    );
    expect(await offer(world, peer!, latin)).toBe(ErrorCode.invalidMessage);
    const utf8 = Buffer.from(
      kindBlock(signer, { id: KIND.id + 2 })
        .toString()
        .replace('<kind ', '<!-- \xe9 --><kind '),
      'utf8',
    );
    expect(await offer(world, peer!, utf8)).toEqual(new Uint8Array());
  });

  it('R6940-6.5.4.2-04 are refused unless a kind-signer of the configuration in force signed them', async () => {
    const world = await ConfiguredWorld.create('foreign', 3);
    const [, peer, other] = world.members;
    expect(await offer(world, peer!, kindBlock(other!.identity))).toBe(ErrorCode.forbidden);
    const good = kindBlock(world.overlay.configurationSigner);
    const altered = Buffer.from(good.toString().replace('<max-size>100', '<max-size>101'));
    expect(await offer(world, peer!, altered)).toBe(ErrorCode.forbidden);
    const unsigned = Buffer.from(good.toString().replace(/<kind-signature>.*<\/kind-signature>/, ''));
    expect(await offer(world, peer!, unsigned)).toBe(ErrorCode.forbidden);
    // One bad Kind among good ones: none is taken.
    expect(await offer(world, peer!, good, kindBlock(other!.identity, { id: KIND.id + 1 }))).toBe(ErrorCode.forbidden);
    expect(definition(peer!)).toBeUndefined();
    expect(await offer(world, peer!, good)).toEqual(new Uint8Array());
    expect(definition(peer!)).toBeDefined();
  });

  it('R6940-6.5.4.2-05 are refused with Error_Forbidden when another kind-signer signed the Kind that is known', async () => {
    const world = await ConfiguredWorld.create('conflict', 2);
    const [first, peer] = world.members;
    const second = await world.overlay.identity('second-signer');
    const founder = world.overlay.configurationSigner;
    const own = { ...KIND, id: KIND.id + 1 };
    const kinds = [...world.overlay.configuration.kinds, own];
    first!.node.adoptConfiguration(world.sign({ sequence: 1, kinds, kindSigners: [founder.nodeId, second.nodeId] }));
    await world.spread(1, 5000);
    expect(await offer(world, peer!, kindBlock(second, { maxSize: 50 }))).toEqual(new Uint8Array());
    expect(await offer(world, peer!, kindBlock(founder, { maxSize: 70 }))).toBe(ErrorCode.forbidden);
    expect(definition(peer!)?.maxSize).toBe(50);
    // The same for Kinds that the document defines; their own signer changes them by a document only.
    expect(await offer(world, peer!, kindBlock(second, { id: own.id, maxSize: 70 }))).toBe(ErrorCode.forbidden);
    expect(await offer(world, peer!, kindBlock(founder, { id: own.id, maxSize: 70 }))).toEqual(new Uint8Array());
    expect(peer!.configuration.current.kinds.find(({ id }) => id === own.id)?.maxSize).toBe(100);
  });

  it('R6940-11.1-49 R6940-11.1-50 stay under a new document as long as it does not define them and their signer may sign', async () => {
    const world = await ConfiguredWorld.create('staying', 2);
    const [first, peer] = world.members;
    const founder = world.overlay.configurationSigner;
    await offer(world, peer!, kindBlock(founder));
    first!.node.adoptConfiguration(world.sign({ sequence: 1 }));
    await world.spread(1, 5000);
    expect(definition(peer!)?.maxSize).toBe(100);
    first!.node.adoptConfiguration(world.sign({ sequence: 2, kinds: [{ ...KIND, maxSize: 20 }] }));
    await world.spread(2, 5000);
    expect(definition(peer!)?.maxSize).toBe(20);
    expect(peer!.configuration.addedKinds).toEqual([]);
    expect(peer!.configuration.current.kinds.filter(({ id }) => id === KIND.id)).toHaveLength(1);
  });

  it('R6940-11.1-50 are discarded with all that is stored when their signer may not sign Kinds any more', async () => {
    const world = await ConfiguredWorld.create('disowned', 3);
    const [first] = world.members;
    const second = await world.overlay.identity('second-signer');
    const founder = world.overlay.configurationSigner;
    first!.node.adoptConfiguration(world.sign({ sequence: 1, kindSigners: [founder.nodeId, second.nodeId] }));
    await world.spread(1, 5000);
    for (const member of world.members) {
      expect(await offer(world, member, kindBlock(second))).toEqual(new Uint8Array());
    }
    await storeOwn(world, first!);
    const held = () =>
      world.members.flatMap(({ node }) => node.recordNames(100)).filter(({ kind }) => kind === KIND.id);
    expect(held()).toHaveLength(3);
    first!.node.adoptConfiguration(world.sign({ sequence: 2, kindSigners: [founder.nodeId] }));
    await world.spread(2, 5000);
    await world.clock.advance(100);
    expect(world.members.map(definition)).toEqual([undefined, undefined, undefined]);
    expect(held()).toEqual([]);
  });

  it('are bounded in number', async () => {
    const world = await ConfiguredWorld.create('many', 2);
    const founder = world.overlay.configurationSigner;
    const blocks = Array.from({ length: 65 }, (_, i) => kindBlock(founder, { id: KIND.id + i }));
    expect(await offer(world, world.members[1]!, ...blocks)).toBe(ErrorCode.invalidMessage);
    expect(await offer(world, world.members[1]!, ...blocks.slice(1))).toEqual(new Uint8Array());
    expect(world.members[1]!.configuration.addedKinds).toHaveLength(64);
  });
});
