import { describe, expect, it } from 'vitest';
import { clockwise, fingerRange } from '#reload/topology/chord/ring.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { ErrorCode, MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination, resourceDestination } from '#reload/wire/destination.ts';
import { hashToResourceId, type NodeId } from '#reload/wire/ids.ts';
import { joinReq } from '#reload/wire/join.ts';
import { chordLeaveData, leaveReq } from '#reload/wire/leave.ts';
import { chordRouteQueryAns, routeQueryReq } from '#reload/wire/route-query.ts';
import { storeReq } from '#reload/wire/store.ts';
import { type SimulatedNode, SimulatedOverlay } from './simulated-overlay.ts';
import { isUpdate, type Seen, tapWires, updateOf } from './wiretap.ts';

const nothing = new Uint8Array();

async function ring(seed: string, peers: number, options: Partial<Parameters<typeof SimulatedOverlay.create>[0]> = {}) {
  const overlay = await SimulatedOverlay.create({ seed, ...options });
  await overlay.grow(peers);
  await overlay.clock.runUntil(() => overlay.isRing());
  await overlay.clock.advance(70_000);
  return overlay;
}

function ordered(overlay: SimulatedOverlay): SimulatedNode[] {
  return [...overlay.living].sort((a, b) => (a.node.nodeId < b.node.nodeId ? -1 : 1));
}

function refusal(code: number) {
  return { fault: { code: 'remote', errorCode: code } };
}

function listsOf(message: Seen): readonly NodeId[] {
  const update = updateOf(message);
  return update.type === 'peer_ready' ? [] : update.predecessors;
}

describe('a join, as seen on the wire', () => {
  async function joinIntoEight() {
    const overlay = await ring('join trace', 8);
    for (let i = 0; i < 60; i++) await overlay.store(overlay.nodes[i % 8]!, `record ${i}`, `${i}`);
    const seen = tapWires(overlay);
    const joiner = await overlay.add('joiner');
    const settled = seen.length;
    await overlay.clock.advance(3000);
    const id = joiner.node.nodeId;
    const peers = ordered(overlay).map(({ node }) => node.nodeId);
    const admitting = peers[(peers.indexOf(id) + 1) % peers.length]!;
    const sent = seen.filter(({ from, header }) => from === id && header.viaList.length === 0);
    return { overlay, seen, settled, joiner, id, peers, admitting, sent };
  }

  it('R6940-10.5-02 R6940-11.4-03 begins with an Attach for the Resource-ID after its own, which asks for an Update', async () => {
    const { sent, id, seen, admitting } = await joinIntoEight();
    expect(sent[0]?.code).toBe(MessageCode.attachReq);
    expect(sent[0]?.header.destinationList).toEqual([resourceDestination(clockwise(id, 1n))]);
    expect(sent[0]?.body.at(-1)).toBe(1);
    const full = seen.find((message) => isUpdate(message) && message.from === admitting && message.to === id);
    expect(full && updateOf(full).type).toBe('full');
  });

  it('R6940-4.5.2-01 R6940-10.5-05 R6940-10.5-06 R6940-10.5-07 R6940-10.5-08 R6940-6.4.2.1-06 R6940-11.4-04 sends Join to who answered, gets JoinAns, its records, then the Update that names it first', async () => {
    const { seen, id, admitting, joiner, overlay } = await joinIntoEight();
    const between = seen.filter(
      ({ from, to }) => (from === id && to === admitting) || (from === admitting && to === id),
    );
    const indexOf = (code: number) => between.findIndex((message) => message.code === code);
    const named = between.findIndex((message) => isUpdate(message) && listsOf(message)[0] === id);
    const stores = between.flatMap((message, i) => (message.code === MessageCode.storeReq ? [i] : []));
    expect(between[indexOf(MessageCode.joinReq)]?.header.viaList).toEqual([]);
    expect(between[indexOf(MessageCode.joinReq)]?.header.destinationList).toEqual([nodeDestination(admitting)]);
    expect(indexOf(MessageCode.joinReq)).toBeLessThan(indexOf(MessageCode.joinAns));
    expect(stores.length).toBeGreaterThan(0);
    expect(indexOf(MessageCode.joinAns)).toBeLessThan(Math.min(...stores));
    // What it sends first after the Join is what makes the joiner its predecessor.
    const [first] = between.slice(indexOf(MessageCode.joinReq)).filter((m) => isUpdate(m) && m.from === admitting);
    expect(first && listsOf(first)[0]).toBe(id);
    // It starts at the bootstrap node, links to its neighbours, and says that it is a peer only when it has its records.
    expect(seen.find(({ from }) => from === id)?.to).toBe(overlay.nodes[0]!.node.nodeId);
    const attached = seen
      .slice(0, seen.indexOf(between[indexOf(MessageCode.joinReq)]!))
      .filter(({ from, code, header }) => from === id && code === MessageCode.attachReq && header.viaList.length === 0);
    expect(attached.filter(({ header }) => header.destinationList.at(-1)?.type === 'node').length).toBeGreaterThan(2);
    const own = between.findIndex((message) => isUpdate(message) && message.from === id);
    expect(own).toBeGreaterThan(named);
    const handedOver = stores.filter((i) => i < named);
    expect(handedOver.length).toBeGreaterThanOrEqual(joiner.node.status().records);
    expect(overlay.isRing()).toBe(true);
  });

  it('R6940-10.5-12 R6940-10.5-18 sends its first Update only after it was admitted, then one to each neighbour', async () => {
    const { seen, id, admitting, joiner } = await joinIntoEight();
    const named = seen.findIndex(
      (message) => isUpdate(message) && message.from === admitting && listsOf(message)[0] === id,
    );
    const own = seen.flatMap((message, i) => (isUpdate(message) && message.from === id ? [i] : []));
    expect(Math.min(...own)).toBeGreaterThan(named);
    const told = new Set(own.map((i) => seen[i]?.to));
    const { predecessors = [], successors = [] } = joiner.node.status();
    for (const neighbour of [...predecessors, ...successors]) expect(told).toContain(neighbour);
  });

  it('R6940-10.5-11 has the admitting peer tell all its neighbours of the joiner', async () => {
    const { seen, id, admitting, overlay } = await joinIntoEight();
    const peer = overlay.nodes.find(({ node }) => node.nodeId === admitting)!;
    const { predecessors = [], successors = [] } = peer.node.status();
    for (const neighbour of new Set([...predecessors, ...successors])) {
      const told = seen.some((m) => isUpdate(m) && m.from === admitting && m.to === neighbour && listsOf(m)[0] === id);
      expect(told).toBe(true);
    }
  });

  it('R6940-10.5-13 R6940-10.5-03 attaches to its neighbours from the Update, without Pings, and routes nothing for others before', async () => {
    const { sent, seen, id, admitting } = await joinIntoEight();
    const joined = seen.findIndex((message) => message.code === MessageCode.joinAns && message.to === id);
    const before = sent.filter((message) => seen.indexOf(message) < joined);
    expect(before.some(({ code }) => code === MessageCode.pingReq)).toBe(false);
    const attached = before
      .filter(({ code }) => code === MessageCode.attachReq)
      .map(({ header }) => header.destinationList);
    expect(attached.length).toBeGreaterThan(4);
    const sourceRouted = attached.filter((list) => list.length === 2);
    expect(sourceRouted.every(([first]) => first?.type === 'node' && first.id === admitting)).toBe(true);
    const relayed = seen.slice(0, joined).filter(({ from, header }) => from === id && header.viaList.length > 0);
    expect(relayed).toEqual([]);
  });

  it('R6940-10.5-17 looks for its first fingers 2^127, 2^126 and 2^125 ahead', async () => {
    const overlay = await SimulatedOverlay.create({ seed: 'fingers' });
    // Spread evenly, so that no neighbour of the joiner is as far away as its third finger.
    const idAt = (part: number) => part.toString(16).padEnd(32, '0') as NodeId;
    for (let i = 0; i < 36; i++) await overlay.add(`peer${i}`, { nodeId: idAt(0x1001 + i * 0x700) });
    const seen = tapWires(overlay);
    const joiner = await overlay.add('joiner', { nodeId: idAt(0x1080) });
    const targets = seen
      .filter(
        ({ from, code, header }) =>
          from === joiner.node.nodeId && code === MessageCode.attachReq && header.viaList.length === 0,
      )
      .map(({ header }) => header.destinationList.at(-1));
    for (const i of [1, 2, 3]) {
      expect(targets).toContainEqual(resourceDestination(fingerRange(joiner.node.nodeId, i).first));
    }
  });

  it('R6940-10.5-10 leaves the records of the joiner with the admitting peer as copies', async () => {
    const { overlay, joiner, admitting } = await joinIntoEight();
    await overlay.clock.advance(70_000);
    for (let i = 0; i < 60; i++) {
      const resource = hashToResourceId(`record ${i}`);
      const { nodeId } = await overlay.clock.run(joiner.node.queries.ping([resourceDestination(resource)]));
      if (nodeId === joiner.node.nodeId) expect(await overlay.fetch(joiner, `record ${i}`, admitting)).toBe(`${i}`);
    }
  });
});

describe('Join, Leave and Update of somebody else', () => {
  function send(
    overlay: SimulatedOverlay,
    from: SimulatedNode,
    to: NodeId,
    message: { code: number; body: Uint8Array },
  ) {
    return overlay.clock.run(
      from.node.exchange.request({ destination: [nodeDestination(to)], timeoutMs: 20_000, ...message }),
    );
  }

  it('R6940-6.4.2.1-03 R6940-6.4.2.2-02 are refused when they name another node than their signer', async () => {
    const overlay = await ring('impostor', 4);
    const [impostor, victim, target] = ordered(overlay) as [SimulatedNode, SimulatedNode, SimulatedNode];
    const named = victim.node.nodeId;
    const join = encode(joinReq, { joiningPeerId: named, overlaySpecificData: nothing });
    const leave = encode(leaveReq, { leavingPeerId: named, overlaySpecificData: nothing });
    const to = target.node.nodeId;
    await expect(send(overlay, impostor, to, { code: MessageCode.joinReq, body: join })).rejects.toMatchObject(
      refusal(ErrorCode.forbidden),
    );
    await expect(send(overlay, impostor, to, { code: MessageCode.leaveReq, body: leave })).rejects.toMatchObject(
      refusal(ErrorCode.forbidden),
    );
    expect(overlay.isRing()).toBe(true);
  });

  it('R6940-6.4.2.1-04 R6940-6.4.2.2-03 are refused when another peer relayed them', async () => {
    const overlay = await ring('relayed', 4);
    const [sender, relay, target] = ordered(overlay) as [SimulatedNode, SimulatedNode, SimulatedNode];
    const own = sender.node.nodeId;
    const relayed = async (code: number, body: Uint8Array) => {
      const destination = [nodeDestination(relay.node.nodeId), nodeDestination(target.node.nodeId)];
      await overlay.clock.run(sender.node.exchange.request({ destination, code, body, timeoutMs: 20_000 }));
    };
    const leave = encode(leaveReq, { leavingPeerId: own, overlaySpecificData: nothing });
    const join = encode(joinReq, { joiningPeerId: own, overlaySpecificData: nothing });
    await expect(relayed(MessageCode.leaveReq, leave)).rejects.toMatchObject(refusal(ErrorCode.forbidden));
    await expect(relayed(MessageCode.joinReq, join)).rejects.toMatchObject(refusal(ErrorCode.forbidden));
    expect(overlay.isRing()).toBe(true);
  });
});

describe('a leave', () => {
  it('R6940-10.9-01 R6940-10.9-02 R6940-6.4.2.2-01 tells each linked peer, on either side of it, whom it leaves behind', async () => {
    const overlay = await ring('leave', 9);
    const leaver = overlay.nodes[4]!;
    const { predecessors = [], successors = [], links } = leaver.node.status();
    const seen = tapWires(overlay);
    await overlay.leave(leaver);
    const leaves = seen.filter(({ code, from }) => code === MessageCode.leaveReq && from === leaver.node.nodeId);
    expect(leaves.map(({ to }) => to).sort()).toEqual(links.map(({ nodeId }) => nodeId).sort());
    for (const { to, body } of leaves) {
      const data = decode(chordLeaveData, decode(leaveReq, body).overlaySpecificData);
      if (to === predecessors[0]) expect(data).toEqual({ type: 'from_succ', successors });
      if (to === successors[0]) expect(data).toEqual({ type: 'from_pred', predecessors });
    }
  });

  it('R6940-10.9-03 R6940-6.4.2.2-04 corrects the neighbours at once and restores three copies, without time-outs', async () => {
    const overlay = await ring('leave of four', 4);
    for (let i = 0; i < 12; i++) await overlay.store(overlay.nodes[0]!, `record ${i}`, `${i}`);
    await overlay.leave(overlay.nodes[2]!);
    await overlay.clock.runUntil(() => overlay.isRing(), 1000);
    await overlay.clock.advance(70_000);
    expect(overlay.living.map(({ node }) => node.status().records)).toEqual([12, 12, 12]);
  });
});

describe('upkeep', () => {
  const replicaStores = (seen: readonly Seen[], from: NodeId) =>
    seen.filter(
      (m) => m.from === from && m.code === MessageCode.storeReq && decode(storeReq, m.body).replicaNumber > 0,
    );

  it('R6940-10.4-02 R6940-10.4-05 R6940-7.4.1.1-05 R6940-10.4-01 follows one Store with exactly two copies, numbered 1 and 2, to the first two successors by Node-ID', async () => {
    const overlay = await ring('replicas', 10);
    const seen = tapWires(overlay);
    await overlay.store(overlay.nodes[0]!, 'one', 'value');
    await overlay.clock.advance(10_000);
    const stores = seen.filter(({ code, header }) => code === MessageCode.storeReq && header.viaList.length === 0);
    const copies = stores.filter(({ body }) => decode(storeReq, body).replicaNumber > 0);
    expect(copies.map(({ body }) => decode(storeReq, body).replicaNumber)).toEqual([1, 2]);
    const owner = overlay.nodes.find(({ node }) => node.nodeId === copies[0]?.from)!;
    const { successors = [] } = owner.node.status();
    expect(copies.map(({ header }) => header.destinationList)).toEqual(
      successors.slice(0, 2).map((node) => [nodeDestination(node)]),
    );
    expect(await overlay.fetch(overlay.nodes[1]!, 'one', owner.node.nodeId)).toBe('value');
  });

  it('R6940-3-05 R6940-10.7.1-03 waits 30 s before it copies to a successor that took the place of a lost one', async () => {
    const overlay = await ring('hold-down', 8);
    for (let i = 0; i < 40; i++) await overlay.store(overlay.nodes[i % 8]!, `record ${i}`, `${i}`);
    const [watched, victim] = ordered(overlay) as [SimulatedNode, SimulatedNode];
    const seen = tapWires(overlay);
    const lostAt = overlay.clock.now();
    victim.host.kill();
    await overlay.clock.advance(60_000);
    const copies = replicaStores(seen, watched.node.nodeId);
    expect(copies.length).toBeGreaterThan(0);
    expect(Math.min(...copies.map(({ at }) => at)) - lostAt).toBeGreaterThanOrEqual(30_000);
    const { successors = [] } = watched.node.status();
    expect(new Set(copies.map(({ to }) => to))).toEqual(new Set([successors[1]]));
  });

  it('R6940-10.7.1-02 R6940-6.4.2.3-03 tells its neighbours of a failure at once with reactive recovery', async () => {
    const overlay = await ring('reactive', 8);
    const [watched, victim] = ordered(overlay) as [SimulatedNode, SimulatedNode];
    const { predecessors = [], successors = [] } = watched.node.status();
    const seen = tapWires(overlay);
    victim.host.kill();
    await overlay.clock.advance(1000);
    const told = new Set(seen.filter((m) => isUpdate(m) && m.from === watched.node.nodeId).map(({ to }) => to));
    for (const node of new Set([...predecessors, ...successors])) {
      if (node !== victim.node.nodeId) expect(told).toContain(node);
    }
  });

  it('R6940-10.7.4.1-01 R6940-10.7.4.1-03 sends an Update to every neighbour each interval, not all at one moment', async () => {
    const overlay = await ring('periodic', 8, { configuration: { chordUpdateInterval: 60 } });
    const watched = overlay.nodes[3]!;
    const seen = tapWires(overlay);
    await overlay.clock.advance(100_000);
    const updates = seen.filter((m) => isUpdate(m) && m.from === watched.node.nodeId);
    const { predecessors = [], successors = [] } = watched.node.status();
    expect(new Set(updates.map(({ to }) => to))).toEqual(new Set([...predecessors, ...successors]));
    expect(updates.every((m) => updateOf(m).type === 'neighbors')).toBe(true);
    // One round: the first to each of them.
    const first = [...predecessors, ...successors].map((node) => updates.find(({ to }) => to === node)?.at);
    expect(new Set(first).size).toBeGreaterThan(3);
  });

  it('R6940-10.7.4.4-02 asks a bootstrap node for its own place on the ring', async () => {
    const overlay = await ring('partition check', 5, { timers: { partitionInterval: 10_000 } });
    const seen = tapWires(overlay);
    const watched = overlay.nodes[3]!;
    await overlay.clock.advance(20_000);
    const bootstrap = overlay.nodes[0]!.node.nodeId;
    const expected = [nodeDestination(bootstrap), resourceDestination(clockwise(watched.node.nodeId, 1n))];
    const pings = seen.filter(({ code, from }) => code === MessageCode.pingReq && from === watched.node.nodeId);
    expect(pings.map(({ header }) => header.destinationList)).toContainEqual(expected);
  });
});

describe('questions to peers', () => {
  it('R6940-10.8-01 R6940-10.8-02 RouteQuery names the next hop that routing takes, and brings a full Update when asked for', async () => {
    const overlay = await ring('route query', 12);
    const [asker, asked] = ordered(overlay) as [SimulatedNode, SimulatedNode];
    const seen = tapWires(overlay);
    const target = resourceDestination(hashToResourceId('somewhere else'));
    const answer = await overlay.clock.run(
      asker.node.exchange.request({
        destination: [nodeDestination(asked.node.nodeId)],
        code: MessageCode.routeQueryReq,
        body: encode(routeQueryReq, { sendUpdate: true, destination: target, overlaySpecificData: nothing }),
      }),
    );
    const { nextPeer } = decode(chordRouteQueryAns, answer.body);
    await overlay.clock.run(asked.node.queries.ping([target]));
    await overlay.clock.advance(1000);
    const ping = seen.find(({ from, code }) => from === asked.node.nodeId && code === MessageCode.pingReq);
    expect(nextPeer).toBe(ping?.to ?? asked.node.nodeId);
    const update = seen.find((m) => isUpdate(m) && m.from === asked.node.nodeId && m.to === asker.node.nodeId);
    const content = update && updateOf(update);
    expect(content?.type).toBe('full');
    if (content?.type === 'full') expect(content.fingers).toEqual([...content.fingers].sort());
  });

  it('R6940-6.4.2.4-01 leads step by step to the peer that recursive routing finds', async () => {
    const overlay = await ring('iterative', 16);
    const resource = hashToResourceId('looked for');
    const start = overlay.nodes[2]!;
    let at = start.node.nodeId;
    let isThere = false;
    const path: NodeId[] = [];
    for (let steps = 0; steps < 16 && !isThere; steps++) {
      const next = await overlay.clock.run(start.node.queries.routeQuery(at, resourceDestination(resource)));
      isThere = next === at;
      if (!isThere) path.push(next);
      at = next;
    }
    expect(isThere).toBe(true);
    const seen = tapWires(overlay);
    const { nodeId } = await overlay.clock.run(start.node.queries.ping([resourceDestination(resource)]));
    expect(at).toBe(nodeId);
    const pings = seen.filter(({ code, header }) => {
      const target = header.destinationList.at(-1);
      return code === MessageCode.pingReq && target?.type === 'resource' && target.id === resource;
    });
    expect(path.length).toBeGreaterThan(1);
    expect(pings.map(({ to }) => to)).toEqual(path);
  });

  it('Probe tells shares of the ring that add up to all of it', async () => {
    const overlay = await ring('probe', 5);
    await overlay.store(overlay.nodes[0]!, 'one', 'value');
    let sum = 0;
    let resources = 0;
    for (const { node } of overlay.nodes) {
      const probed = await overlay.clock.run(overlay.nodes[0]!.node.queries.probe([nodeDestination(node.nodeId)]));
      sum += probed.share ?? 0;
      resources += probed.resources ?? 0;
      expect(probed.uptime).toBeGreaterThanOrEqual(70);
    }
    expect(Math.abs(sum - 1_000_000_000)).toBeLessThan(10);
    expect(resources).toBe(3);
  });
});
