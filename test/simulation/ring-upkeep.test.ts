import { describe, expect, it } from 'vitest';
import { CurrentConfiguration } from '#reload/overlay-config/current-configuration.ts';
import { readDocument } from '#reload/overlay-config/document.ts';
import { clockwise } from '#reload/topology/chord/ring.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination, resourceDestination } from '#reload/wire/destination.ts';
import { hashToResourceId, type NodeId } from '#reload/wire/ids.ts';
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
    for (let i = 0; i < 4; i++) await overlay.add(`peer${i}`, { configuration: configuration() });
    await overlay.clock.runUntil(() => overlay.isRing());
    const [first, second] = ordered(overlay) as [SimulatedNode, SimulatedNode];
    expect(first.node.status().successors?.[0]).toBe(second.node.nodeId);
  });

  it('R6940-6.4.1-01 R6940-10.7-03 covers joining, stabilisation, leaving, hash, routing and replication, and every neighbour is linked', async () => {
    const overlay = await ring('all of it', 9, { timers: { livenessInterval: 4000 } });
    const owner = overlay.nodes[4]!;
    const [name] = namesOf(overlay, owner, 1) as [string];
    const records = new Map([[name, 'value']]);
    // Joined: all know their places. Hash and routing: the Store of another peer ends at the owner. Replication: at its successors too.
    const { replicas } = await overlay.store(overlay.nodes[1]!, name, 'value');
    expect(replicas).toEqual([1, 2].map((steps) => ahead(overlay, owner, steps).node.nodeId));
    for (const { node } of overlay.living) {
      const { predecessors = [], successors = [], links } = node.status();
      const linked = links.map(({ nodeId }) => nodeId);
      expect(linked).toEqual(expect.arrayContaining([...predecessors, ...successors]));
    }
    // Stabilisation: a peer that falls silent is noticed. Leaving: a peer that says so is replaced at once.
    ahead(overlay, owner, 3).host.vanish();
    await overlay.clock.runUntil(() => overlay.isRing(), 60_000);
    await overlay.clock.advance(SETTLED);
    await overlay.leave(owner);
    await overlay.clock.runUntil(() => overlay.isRing(), 2000);
    expect(await unreachable(overlay, records)).toEqual([]);
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
  it('R6940-4.2.2-01 keeps a link, computes Resource-IDs, fetches, and signs as itself', async () => {
    const overlay = await SimulatedOverlay.create({ seed: 'client only' });
    await overlay.grow(4);
    await overlay.store(overlay.nodes[2]!, 'a name', 'its value');
    const client = await overlay.add('client', { mode: 'client' });
    expect(client.node.status()).toMatchObject({ mode: 'client', joined: true, records: 0 });
    expect(client.node.status().links.length).toBeGreaterThan(0);
    expect(await overlay.fetch(client, 'a name')).toBe('its value');
    const resource = hashToResourceId('a name');
    const { nodeId } = await overlay.clock.run(client.node.queries.ping([resourceDestination(resource)]));
    const owner = overlay.nodes.find(({ node }) => node.nodeId === nodeId)!;
    let signer: unknown;
    // A request that only this test knows.
    const code = 0x7f01;
    owner.node.exchange.handle(code, (request) => {
      signer = request.signatory;
      return { body: new Uint8Array() };
    });
    const destination = [resourceDestination(resource)];
    await overlay.clock.run(client.node.exchange.request({ destination, code, body: new Uint8Array() }));
    expect(signer).toMatchObject({ nodeId: client.node.nodeId, certificate: { userName: 'client@home.example' } });
  });
});
