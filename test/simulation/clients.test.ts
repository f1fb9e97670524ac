import { describe, expect, it } from 'vitest';
import { signDocument } from '#reload/enrollment/found-overlay.ts';
import type { AppConnection } from '#reload/link/link.ts';
import { ReloadNode } from '#reload/node/reload-node.ts';
import { CurrentConfiguration } from '#reload/overlay-config/current-configuration.ts';
import { readDocument } from '#reload/overlay-config/document.ts';
import { nodeDestination } from '#reload/wire/destination.ts';
import { hashToResourceId, type NodeId } from '#reload/wire/ids.ts';
import { OPEN_KIND, type SimulatedNode, SimulatedOverlay } from './simulated-overlay.ts';

const SIP = 5060;

function received(connection: AppConnection, overlay: SimulatedOverlay): Promise<string> {
  const chunk = new Promise<string>((resolve) =>
    connection.stream.once('data', (bytes: Buffer) => resolve(bytes.toString())),
  );
  return overlay.clock.run(chunk);
}

/** The peer that is responsible for the Node-ID. */
function responsibleFor(overlay: SimulatedOverlay, id: NodeId): SimulatedNode {
  const peers = overlay.living.filter(({ node }) => node.status().mode === 'peer');
  peers.sort((a, b) => (a.node.nodeId < b.node.nodeId ? -1 : 1));
  return peers.find(({ node }) => node.nodeId >= id) ?? peers[0]!;
}

async function ring(seed: string, peers: number): Promise<SimulatedOverlay> {
  const overlay = await SimulatedOverlay.create({ seed, timers: { livenessInterval: 2000 } });
  await overlay.grow(peers);
  await overlay.clock.runUntil(() => overlay.isRing());
  return overlay;
}

describe('a client', () => {
  it('R7890-4-05 stores and fetches through the peer responsible for its Node-ID, is reached by it, and is no part of the ring', async () => {
    const overlay = await ring('client', 6);
    const client = await overlay.add('client', { mode: 'client' });
    const status = client.node.status();
    expect(status.uplink).toBe(responsibleFor(overlay, client.node.nodeId).node.nodeId);
    await overlay.store(client, 'by the client', 'stored');
    for (const reader of overlay.living) expect(await overlay.fetch(reader, 'by the client')).toBe('stored');
    const destination = [nodeDestination(client.node.nodeId)];
    for (const { node } of overlay.nodes.slice(0, 6)) {
      expect((await overlay.clock.run(node.queries.ping(destination))).nodeId).toBe(client.node.nodeId);
    }
    expect(status.records).toBe(0);
    expect(overlay.isRing()).toBe(true);
  });

  it('finds another uplink when its own dies, and when it only falls silent', async () => {
    const overlay = await ring('uplinks', 6);
    const client = await overlay.add('client', { mode: 'client' });
    const uplinkOf = () => overlay.nodes.find(({ node }) => node.nodeId === client.node.status().uplink);
    const first = uplinkOf()!;
    first.host.kill();
    await overlay.clock.runUntil(() => uplinkOf() !== undefined && uplinkOf() !== first, 20_000);
    const second = uplinkOf()!;
    second.host.stop();
    await overlay.clock.runUntil(() => uplinkOf() !== undefined && uplinkOf() !== second, 60_000);
    await overlay.store(client, 'still there', 'yes');
    expect(await overlay.fetch(overlay.living[0]!, 'still there')).toBe('yes');
  });

  it('R6940-4.2.1-01 moves to the peer that becomes responsible for its Node-ID', async () => {
    const overlay = await ring('moves', 4);
    const client = await overlay.add('client', { mode: 'client' });
    const next = BigInt(`0x${client.node.nodeId}`) + 1n;
    const nodeId = next.toString(16).padStart(32, '0') as NodeId;
    const newcomer = await overlay.add('newcomer', { nodeId });
    await overlay.clock.runUntil(() => client.node.status().uplink === newcomer.node.nodeId, 30_000);
    const answer = overlay.nodes[1]!.node.queries.ping([nodeDestination(client.node.nodeId)]);
    expect((await overlay.clock.run(answer)).nodeId).toBe(client.node.nodeId);
  });

  it('stays out where the configuration permits no clients', async () => {
    const overlay = await SimulatedOverlay.create({ seed: 'none', configuration: { clientsPermitted: false } });
    await overlay.add('peer0');
    await expect(overlay.add('client', { mode: 'client' })).rejects.toThrow(/permits no clients/);
  });
});

describe('a hosted client', () => {
  it('stores as itself through its host', async () => {
    const overlay = await ring('hosted', 5);
    const host = overlay.nodes[2]!;
    const identity = await overlay.overlay.identity('phone');
    const phone = await overlay.clock.run(host.node.hostClient(identity));
    expect(host.node.status().hosted).toEqual([identity.nodeId]);
    const resource = hashToResourceId('of the phone');
    const value = { place: { model: 'single' } as const, value: Buffer.from('hello') };
    const stored = phone.records.store({ resource, kind: OPEN_KIND.id, values: [value], lifetimeSeconds: 60 });
    await overlay.clock.run(stored);
    const { values } = await overlay.clock.run(overlay.nodes[0]!.node.records.fetch({ resource, kind: OPEN_KIND.id }));
    expect(values[0]?.signatory.certificate.userName).toBe('phone@home.example');
    expect(overlay.isRing()).toBe(true);
    await overlay.clock.run(phone.stop());
    expect(host.node.status().hosted).toEqual([]);
    expect(host.node.status().links.map((link) => link.nodeId)).not.toContain(identity.nodeId);
  });

  it('opens and takes application connections under its own certificate, both ways', async () => {
    const overlay = await ring('both ways', 5);
    const [host, other] = [overlay.nodes[1]!, overlay.nodes[3]!];
    const phone = await overlay.clock.run(host.node.hostClient(await overlay.overlay.identity('phone')));
    const arrivals: AppConnection[] = [];
    phone.onAppAttach(SIP, (connection) => arrivals.push(connection));
    other.node.onAppAttach(SIP, (connection) => arrivals.push(connection));

    const through = [nodeDestination(host.node.nodeId), nodeDestination(phone.nodeId)];
    const inbound = await overlay.clock.run(other.node.appAttach(through, SIP, new AbortController().signal));
    expect(inbound.peer.userName).toBe('phone@home.example');
    await overlay.clock.runUntil(() => arrivals.length === 1);
    expect(arrivals[0]?.peer.userName).toBe('peer3@home.example');
    inbound.stream.write('INVITE');
    expect(await received(arrivals[0]!, overlay)).toBe('INVITE');

    const destination = [nodeDestination(other.node.nodeId)];
    const outbound = await overlay.clock.run(phone.appAttach(destination, SIP, new AbortController().signal));
    expect(outbound.nodeId).toBe(other.node.nodeId);
    await overlay.clock.runUntil(() => arrivals.length === 2);
    expect(arrivals[1]?.peer.userName).toBe('phone@home.example');
    expect(phone).toBeInstanceOf(ReloadNode);
  });

  it('is not reached for an application that it does not serve', async () => {
    const overlay = await ring('refused', 3);
    const phone = await overlay.clock.run(overlay.nodes[1]!.node.hostClient(await overlay.overlay.identity('phone')));
    const through = [nodeDestination(overlay.nodes[1]!.node.nodeId), nodeDestination(phone.nodeId)];
    const refused = overlay.nodes[2]!.node.appAttach(through, SIP, new AbortController().signal);
    await expect(overlay.clock.run(refused)).rejects.toThrow(/error 3/);
  });
});

describe('the first node', () => {
  it('R6940-4.5.2-02 R6940-6.4.2.1-08 R6940-6.4.2.1-09 reports dead bootstrap nodes and answers for nothing when it was not told that it may be the first', async () => {
    const overlay = await SimulatedOverlay.create({ seed: 'alone' });
    await overlay.make('nobody');
    const lonely = await overlay.make('lonely', { foundRing: false, startTimeout: 5000 });
    await expect(overlay.clock.run(lonely.node.start())).rejects.toThrow(/bootstrap-node/);
    expect(lonely.node.status().joined).toBe(false);
    await expect(overlay.fetch(lonely, 'anything')).rejects.toThrow();
  });

  it('R6940-6.4.2.1-09 R6940-10.1-01 serves every place of the ring alone when it was told so', async () => {
    const overlay = await SimulatedOverlay.create({ seed: 'first' });
    const first = await overlay.add('first', { foundRing: true });
    for (let i = 0; i < 20; i++) {
      await overlay.store(first, `place ${i}`, `${i}`);
      expect(await overlay.fetch(first, `place ${i}`)).toBe(`${i}`);
    }
  });

  it('R6940-11.4-01 gets in through the second bootstrap node when the first is dead', async () => {
    const overlay = await ring('second bootstrap', 3);
    const alive = { address: overlay.nodes[1]!.host.address, port: 6084 };
    const joiner = await overlay.add('joiner', { bootstrapNodes: [{ address: '10.9.9.9', port: 6084 }, alive] });
    expect(joiner.node.status().joined).toBe(true);
  });

  it('R6940-11.4-02 R7890-5.4-03 gets in through a peer of earlier days when every bootstrap node is dead', async () => {
    const overlay = await ring('earlier', 4);
    const { identity, store } = overlay.nodes[3]!;
    await overlay.leave(overlay.nodes[3]!);
    const again = await overlay.add('again', {
      identity,
      store,
      bootstrapNodes: [{ address: '10.9.9.9', port: 6084 }],
    });
    expect(again.node.status().joined).toBe(true);
    await overlay.clock.runUntil(() => overlay.isRing(), 10_000);
  });
});

describe('a newer configuration', () => {
  it('R6940-6.5.4-01 reaches every node of the ring from the one that has it', async () => {
    const overlay = await SimulatedOverlay.create({ seed: 'configuration' });
    const documents = Array.from({ length: 5 }, () => new CurrentConfiguration(readDocument(overlay.overlay.document)));
    for (const [i, configuration] of documents.entries()) await overlay.add(`peer${i}`, { configuration });
    await overlay.clock.runUntil(() => overlay.isRing());
    const changed = { ...overlay.overlay.configuration, sequence: 1, chordUpdateInterval: 60 };
    const document = signDocument(changed, overlay.overlay.configurationSigner);
    documents[2]!.replace(readDocument(document, overlay.overlay.name));
    await overlay.store(overlay.nodes[2]!, 'by the newer', 'stored all the same');
    await overlay.clock.runUntil(() => documents.every(({ current }) => current.sequence === 1), 120_000);
    expect(documents.map(({ current }) => current.chordUpdateInterval)).toEqual([60, 60, 60, 60, 60]);
    expect(await overlay.fetch(overlay.nodes[0]!, 'by the newer')).toBe('stored all the same');
    expect(overlay.isRing()).toBe(true);
  });
});
