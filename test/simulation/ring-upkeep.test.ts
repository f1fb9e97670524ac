import { describe, expect, it } from 'vitest';
import { CurrentConfiguration } from '#reload/overlay-config/current-configuration.ts';
import { readDocument } from '#reload/overlay-config/document.ts';
import { requireSupported } from '#reload/overlay-config/support.ts';
import { clockwise } from '#reload/topology/chord/ring.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination, resourceDestination } from '#reload/wire/destination.ts';
import { fetchReq } from '#reload/wire/fetch.ts';
import { hashToResourceId, type NodeId, type ResourceId } from '#reload/wire/ids.ts';
import { joinReq } from '#reload/wire/join.ts';
import { routeQueryReq } from '#reload/wire/route-query.ts';
import { storeReq } from '#reload/wire/store.ts';
import { type SimulatedNode, SimulatedOverlay, unreachable } from './simulated-overlay.ts';
import { isUpdate, tapWires, updateOf } from './wiretap.ts';

/** Longer than copies take to be made, and surplus ones to be dropped, after a change. */
const SETTLED = 70_000;

async function ring(seed: string, peers: number, options: Partial<Parameters<typeof SimulatedOverlay.create>[0]> = {}) {
  const overlay = await SimulatedOverlay.create({ seed, signatures: 'keyed', ...options });
  await overlay.grow(peers);
  await overlay.clock.runUntil(() => overlay.isRing());
  await overlay.clock.advance(SETTLED);
  return overlay;
}

function ordered(overlay: SimulatedOverlay): SimulatedNode[] {
  return [...overlay.living].sort((a, b) => (a.node.nodeId < b.node.nodeId ? -1 : 1));
}

/** The nodes that a link leads to. */
function linkedTo(node: SimulatedNode['node']): NodeId[] {
  return node.status().links.flatMap(({ nodeId }) => nodeId ?? []);
}

/** Who stands `steps` after the node. */
function ahead(overlay: SimulatedOverlay, of: SimulatedNode, steps: number): SimulatedNode {
  const peers = ordered(overlay);
  return peers[(peers.indexOf(of) + steps + peers.length) % peers.length]!;
}

/** Names of records that the peer is responsible for. */
function namesOf(overlay: SimulatedOverlay, peer: SimulatedNode, count: number): string[] {
  const before = ahead(overlay, peer, -1).node.nodeId;
  const names: string[] = [];
  for (let i = 0; names.length < count; i++) {
    const id = hashToResourceId(`name ${i}`) as string;
    const { nodeId } = peer.node;
    const isOwn = before < nodeId ? before < id && id <= nodeId : before < id || id <= nodeId;
    if (isOwn) names.push(`name ${i}`);
  }
  return names;
}

describe('a ring', () => {
  let made: Promise<SimulatedOverlay> | undefined;
  const large = () => {
    made ??= ring('large', 90);
    return made;
  };

  it('R6940-4.5-01 is one of Chord where the document names no topology plug-in', async () => {
    const overlay = await SimulatedOverlay.create({ seed: 'plug-in', signatures: 'keyed' });
    const text = Buffer.from(overlay.overlay.source.bytes).toString();
    const without = Buffer.from(text.replace(/<topology-plugin>[^<]*<\/topology-plugin>/, ''));
    expect(without.length).toBeLessThan(text.length);
    const configuration = () => new CurrentConfiguration(readDocument(without, overlay.overlay.name));
    // Nothing but Chord would pass.
    expect(() => requireSupported(configuration().current)).not.toThrow();
    for (let i = 0; i < 4; i++) await overlay.add(`peer${i}`, { configuration: configuration() });
    await overlay.clock.runUntil(() => overlay.isRing());
    const [first, second] = ordered(overlay) as [SimulatedNode, SimulatedNode];
    expect(first.node.status().successors?.[0]).toBe(second.node.nodeId);
  });

  it('R6940-6.4.1-01 covers joining, stabilisation, leaving, hash and length of Resource-IDs, routing and replication', async () => {
    const overlay = await ring('all of it', 9, { configuration: { chordUpdateInterval: 100 } });
    const seen = tapWires(overlay);
    const joiner = await overlay.add('joiner');
    const { nodeId } = joiner.node;
    const [admitting] = joiner.node.status().successors ?? [];
    const code = (number: number) => seen.filter((message) => message.code === number);
    expect(code(MessageCode.joinReq)).toMatchObject([{ from: nodeId, to: admitting }]);
    expect(code(MessageCode.joinAns)).toMatchObject([{ from: admitting, to: nodeId }]);
    await overlay.clock.runUntil(() => overlay.isRing());
    await overlay.clock.advance(SETTLED);

    seen.length = 0;
    await overlay.clock.advance(220_000);
    for (const { node } of overlay.living) {
      const { predecessors = [], successors = [] } = node.status();
      const told = seen.filter((message) => isUpdate(message) && message.from === node.nodeId).map(({ to }) => to);
      expect(told).toEqual(expect.arrayContaining([...predecessors, ...successors]));
    }

    // By sha1sum, and no longer than 16 bytes. Another than its owner and who is linked to that stores it.
    const [name, id] = ['a name', '417da061bfeb02ae778aad67f031acae'];
    const owner = ordered(overlay).find(({ node }) => node.nodeId > id) ?? ordered(overlay)[0]!;
    const far = overlay.living.find(({ node }) => node !== owner.node && !linkedTo(node).includes(owner.node.nodeId));
    seen.length = 0;
    const { replicas } = await overlay.store(far ?? ahead(overlay, owner, 4), name, 'value');
    const stores = code(MessageCode.storeReq).map(({ to, header, body }) => ({
      to,
      header,
      ...decode(storeReq, body),
    }));
    expect(new Set(stores.map(({ resource }) => resource))).toEqual(new Set([id]));
    const copies = [0, 1, 2].map((steps) => ahead(overlay, owner, steps).node.nodeId);
    for (const [replicaNumber, to] of copies.entries())
      expect(stores).toContainEqual(expect.objectContaining({ to, replicaNumber }));
    expect(replicas).toEqual(copies.slice(1));

    seen.length = 0;
    const linked = linkedTo(owner.node);
    await overlay.leave(owner);
    expect(code(MessageCode.leaveReq).map(({ to }) => to)).toEqual(expect.arrayContaining(linked));
    expect(code(MessageCode.leaveAns).map(({ from }) => from)).toEqual(expect.arrayContaining(linked));
    await overlay.clock.runUntil(() => overlay.isRing(), 2000);
    expect(await unreachable(overlay, new Map([[name, 'value']]))).toEqual([]);
  });

  it('R6940-10.7-03 has a link between every peer and each of its neighbours, also when some went and others came', async () => {
    const overlay = await ring('links', 30);
    const check = () => {
      expect(overlay.isRing()).toBe(true);
      for (const { node } of overlay.living) {
        const { predecessors = [], successors = [] } = node.status();
        expect(linkedTo(node)).toEqual(expect.arrayContaining([...predecessors, ...successors]));
      }
    };
    check();
    ahead(overlay, overlay.nodes[4]!, 3).host.kill();
    ahead(overlay, overlay.nodes[9]!, 2).host.vanish();
    await overlay.clock.advance(SETTLED);
    check();
    await overlay.add('joiner');
    await overlay.clock.advance(5000);
    check();
  });

  it('R6940-10.7-05 keeps log2(N) neighbours, half of them on each side, and 3 a side in a small one', async () => {
    const overlay = await large();
    const sizes = overlay.living.map(({ node }) => {
      const { predecessors = [], successors = [] } = node.status();
      expect(predecessors.length).toBe(successors.length);
      return predecessors.length + successors.length;
    });
    const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(6);
    expect(mean).toBeGreaterThan(Math.log2(90));
    expect(mean).toBeLessThan(Math.log2(90) + 2);
    expect(Math.max(...sizes)).toBeGreaterThan(6);
  });

  it('R6940-10.7.4.3-01 gives every peer a finger for each range, of 16, that some peer stands in, though most joined a smaller ring', async () => {
    const overlay = await large();
    const ids = overlay.living.map(({ node }) => node.nodeId);
    const slotOf = (self: NodeId, other: string) =>
      129 - (BigInt.asUintN(128, BigInt(`0x${other}`) - BigInt(`0x${self}`)) || 1n).toString(2).length;
    let [wanted, found] = [0, 0];
    for (const { node } of overlay.living) {
      const others = ids.filter((id) => id !== node.nodeId);
      const there = new Set(others.map((id) => slotOf(node.nodeId, id)).filter((i) => i <= 16));
      const had = new Set((node.status().fingers ?? []).map((id) => slotOf(node.nodeId, id)));
      wanted += there.size;
      found += [...there].filter((i) => had.has(i)).length;
    }
    expect(found / wanted).toBeGreaterThan(0.97);
  });
});

describe('a join', () => {
  it('R6940-10.5-01 begins at a bootstrap node', async () => {
    const overlay = await ring('first link', 6);
    const entrance = overlay.nodes[3]!;
    const seen = tapWires(overlay);
    const bootstrapNodes = [{ address: entrance.host.address, port: 6084 }];
    const joiner = await overlay.add('joiner', { bootstrapNodes });
    expect(seen.find(({ from }) => from === joiner.node.nodeId)?.to).toBe(entrance.node.nodeId);
  });

  it('R6940-10.5-09 R6940-6.4.2.1-02 leaves the Admitting Peer without what others hold three copies of, and data in the Join is overlooked', async () => {
    const overlay = await ring('forgets', 8);
    const admitting = overlay.nodes[5]!;
    const records = new Map<string, string>();
    for (let i = 0; i < 40; i++) {
      records.set(`r${i}`, `v${i}`);
      await overlay.store(overlay.nodes[i % 8]!, `r${i}`, `v${i}`);
    }
    const before = admitting.node.status().records;
    // Just before it, three times: what lay far before it has three other holders then.
    for (let i = 3; i >= 1; i--) {
      const nodeId = clockwise(admitting.node.nodeId, BigInt(-i)) as string as NodeId;
      await overlay.add(`joiner${i}`, { nodeId });
    }
    await overlay.clock.advance(2 * SETTLED);
    expect(before).toBeGreaterThan(0);
    expect(admitting.node.status().records).toBe(0);
    expect(overlay.living.reduce((sum, { node }) => sum + node.status().records, 0)).toBe(3 * records.size);
    expect(await unreachable(overlay, records, 4)).toEqual([]);

    const again = ahead(overlay, admitting, -1);
    const body = encode(joinReq, { joiningPeerId: again.node.nodeId, overlaySpecificData: new Uint8Array([1, 2, 3]) });
    const destination = [nodeDestination(admitting.node.nodeId)];
    const answer = await overlay.clock.run(
      again.node.exchange.request({ destination, code: MessageCode.joinReq, body }),
    );
    expect([...answer.body]).toEqual([0, 0]);
  });

  it('R6940-6.4.2.2-05 R6940-6.4.2.3-04 R6940-6.4.2.4.1-02 Leave and Update are answered by empty bodies; RouteQuery brings an Update only when asked for one', async () => {
    const overlay = await ring('bodies', 5);
    const seen = tapWires(overlay);
    const [asker, asked] = [overlay.nodes[1]!, overlay.nodes[2]!];
    const updates = () => seen.filter((m) => isUpdate(m) && m.from === asked.node.nodeId && m.to === asker.node.nodeId);
    const target = resourceDestination(hashToResourceId('anything'));
    await overlay.clock.run(asker.node.queries.routeQuery(asked.node.nodeId, target));
    await overlay.clock.advance(1000);
    const query = seen.find(({ code }) => code === MessageCode.routeQueryReq)!;
    expect(decode(routeQueryReq, query.body).sendUpdate).toBe(false);
    expect(query.body[0]).toBe(0);
    expect(updates()).toEqual([]);
    const wanted = encode(routeQueryReq, {
      sendUpdate: true,
      destination: target,
      overlaySpecificData: new Uint8Array(),
    });
    expect(wanted[0]).toBe(1);
    const destination = [nodeDestination(asked.node.nodeId)];
    await overlay.clock.run(
      asker.node.exchange.request({ destination, code: MessageCode.routeQueryReq, body: wanted }),
    );
    await overlay.clock.advance(1000);
    expect(updates().map((m) => updateOf(m).type)).toEqual(['full']);

    await overlay.leave(overlay.nodes[4]!);
    const bodies = (code: number) => seen.filter((m) => m.code === code).map(({ body }) => body.length);
    expect(new Set(bodies(MessageCode.updateAns))).toEqual(new Set([0]));
    expect(new Set(bodies(MessageCode.leaveAns))).toEqual(new Set([0]));
  });
});

describe('a change of the successors', () => {
  it('R6940-10.7.3-06 R6940-10.7.3-07 has the responsible peer store its records at a new second successor, and nothing removed at the former one', async () => {
    const overlay = await ring('replica set', 8);
    const owner = overlay.nodes[3]!;
    const names = namesOf(overlay, owner, 6);
    for (const name of names) await overlay.store(overlay.nodes[0]!, name, name);
    await overlay.clock.advance(1000);
    const [first, former] = [1, 2].map((steps) => ahead(overlay, owner, steps).node.nodeId) as [NodeId, NodeId];
    const seen = tapWires(overlay);
    const newcomer = await overlay.add('second', { nodeId: clockwise(first, 1n) as string as NodeId });
    await overlay.clock.advance(20_000);
    for (const name of names) expect(await overlay.fetch(owner, name, newcomer.node.nodeId)).toBe(name);
    const stores = seen.filter(({ code, from }) => code === MessageCode.storeReq && from === owner.node.nodeId);
    const stored = stores.filter(({ to }) => to === newcomer.node.nodeId).map(({ body }) => decode(storeReq, body));
    expect(new Set(stored.map(({ resource }) => resource))).toEqual(
      new Set(names.map((name) => hashToResourceId(name))),
    );
    expect(stores.length).toBe(stored.length);
    for (const name of names) expect(await overlay.fetch(owner, name, former)).toBe(name);
  });
});

describe('a client', () => {
  it('R6940-4.2.2-01 makes its links, computes Resource-IDs, fetches, and signs as itself', async () => {
    const overlay = await SimulatedOverlay.create({ seed: 'client only' });
    await overlay.grow(5);
    await overlay.store(overlay.nodes[2]!, 'a name', 'its value');
    await overlay.clock.advance(5000);
    const seen = tapWires(overlay);
    // Just before the peer that is its uplink then.
    const uplink = overlay.nodes[2]!;
    const nodeId = clockwise(uplink.node.nodeId, -1n) as string as NodeId;
    const client = await overlay.add('client', { mode: 'client', nodeId });
    expect(client.node.status()).toMatchObject({ mode: 'client', joined: true, records: 0 });
    expect(linkedTo(client.node)).toContain(uplink.node.nodeId);
    uplink.host.kill();
    await overlay.clock.runUntil(() => overlay.isRing() && linkedTo(client.node).length > 0, 120_000);
    await overlay.clock.advance(5000);

    expect(await overlay.fetch(client, 'a name')).toBe('its value');
    const asked = seen.filter(({ from, code }) => from === nodeId && code === MessageCode.fetchReq);
    // By sha1sum.
    const resource = '417da061bfeb02ae778aad67f031acae' as ResourceId;
    expect(asked.map(({ header }) => header.destinationList.at(-1))).toContainEqual(resourceDestination(resource));
    for (const { body } of asked) expect(decode(fetchReq, body).resource).toBe(resource);

    const owner =
      ordered(overlay).find(({ node }) => node !== client.node && node.nodeId > (resource as string)) ??
      ordered(overlay)[0]!;
    let signer: unknown;
    // A request that only this test knows.
    const code = 0x7f01;
    owner.node.exchange.handle(code, (request) => {
      signer = request.signatory;
      return { body: new Uint8Array() };
    });
    const destination = [resourceDestination(resource)];
    await overlay.clock.run(client.node.exchange.request({ destination, code, body: new Uint8Array() }));
    expect(signer).toMatchObject({ nodeId, certificate: { userName: 'client@home.example' } });
  });
});
