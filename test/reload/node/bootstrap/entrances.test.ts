import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '#config/load.ts';
import { nodeOptions } from '#gateway/node-options.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { enroll } from '#reload/enrollment/enroll.ts';
import { loadMember, saveMember } from '#reload/enrollment/identity-directory.ts';
import { LinkTable } from '#reload/forwarding/link-table.ts';
import type { OverlayTransport } from '#reload/link/link.ts';
import type { Finder } from '#reload/node/bootstrap/way.ts';
import { createReloadNode } from '#reload/node/create-node.ts';
import { BootstrapEntrances, type BootstrapEntrancesOptions } from '#reload/node/entrances.ts';
import { type BootstrapAddress, PeerCache } from '#reload/node/peer-cache.ts';
import { PeerMemory } from '#reload/node/peer-memory.ts';
import { readDocument } from '#reload/overlay-config/document.ts';
import { clockwise } from '#reload/topology/chord/ring.ts';
import type { IpAddressPort } from '#reload/wire/address.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination, resourceDestination } from '#reload/wire/destination.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { memoryStore } from '#store/memory-store.ts';
import { MemoryNetwork } from '../../../simulation/memory-network.ts';
import { MemoryTransport } from '../../../simulation/memory-transport.ts';
import { SeededRandom } from '../../../simulation/seeded-random.ts';
import { BOOTSTRAP_PORT, SimulatedOverlay } from '../../../simulation/simulated-overlay.ts';
import { tapWires } from '../../../simulation/wiretap.ts';
import { createTestOverlay } from '../../../support/overlay.ts';
import { runServer } from '../../enrollment/running-server.ts';
import { documentOf } from '../../overlay-config/documents.ts';
import { loopbackNodes } from './ring.ts';

interface Dialled {
  readonly addresses: readonly IpAddressPort[];
  readonly expected: NodeId | undefined;
}

/** A transport that writes down where it is told to listen and to dial. */
function recorded(transport: OverlayTransport, dialled: Dialled[], listened: unknown[] = []): OverlayTransport {
  return {
    overlayLink: transport.overlayLink,
    listen: (at, accept) => {
      listened.push(at);
      return transport.listen(at, accept);
    },
    offerLink: () => transport.offerLink(),
    offerApplication: () => transport.offerApplication(),
    dialLink: (addresses, expected, signal) => {
      dialled.push({ addresses, expected });
      return transport.dialLink(addresses, expected, signal);
    },
    dialApplication: (addresses, expected, signal) => transport.dialApplication(addresses, expected, signal),
  };
}

async function joinIntoEight() {
  const overlay = await SimulatedOverlay.create({ seed: 'bootstrap' });
  await overlay.grow(8);
  await overlay.clock.runUntil(() => overlay.isRing());
  for (let i = 0; i < 40; i++) await overlay.store(overlay.nodes[i % 8]!, `record ${i}`, `${i}`);
  const first = overlay.nodes[0]!;
  const ids = overlay.nodes.map(({ node }) => node.nodeId).sort();
  // Far from the bootstrap node, so that another peer admits it.
  const before = ids[(ids.indexOf(first.node.nodeId) + 4) % 8]!;
  const admitting = ids[(ids.indexOf(first.node.nodeId) + 5) % 8]!;
  const dialled: Dialled[] = [];
  const seen = tapWires(overlay);
  const joiner = await overlay.add('joiner', {
    nodeId: clockwise(before, 1n << 64n) as string as NodeId,
    wrapTransport: (transport) => recorded(transport, dialled),
  });
  const joined = seen.length;
  return { overlay, first, joiner, id: joiner.node.nodeId, admitting, dialled, seen, joined };
}

describe('the way into the overlay', () => {
  it('R6940-10.5-01 R6940-11.4-04 R7890-4-14 R7890-5.4-04 leads over the bootstrap node, which passes the Attach on to the successor to be', async () => {
    const { first, id, admitting, dialled, seen, joiner } = await joinIntoEight();
    expect(dialled[0]).toEqual({
      addresses: [{ type: 'ipv4', address: first.host.address, port: BOOTSTRAP_PORT }],
      expected: undefined,
    });
    const own = seen.filter(({ from }) => from === id);
    expect(own[0]).toMatchObject({ to: first.node.nodeId, code: MessageCode.attachReq });
    const list = [resourceDestination(clockwise(id, 1n))];
    const passedOn = seen.find(({ from, header }) => from === first.node.nodeId && isFor(header.destinationList, list));
    expect(passedOn?.header.viaList).toEqual([{ type: 'node', id }]);
    expect(admitting).not.toBe(first.node.nodeId);
    const { to, header } = own.find(({ code }) => code === MessageCode.joinReq)!;
    expect([to, joiner.node.status().successors?.[0]]).toEqual([admitting, admitting]);
    expect(header.destinationList).toEqual([nodeDestination(admitting)]);
    expect(joiner.node.status().entrance).toEqual({ way: 'listed', address: first.host.address, port: BOOTSTRAP_PORT });
  });

  it('R7890-4-13 R7890-4-16 ends with a full peer: nothing goes through it before, and it has its range and its neighbours after', async () => {
    const { overlay, seen, id, joiner, joined } = await joinIntoEight();
    const admitted = seen.findIndex(({ to, code }) => to === id && code === MessageCode.joinAns);
    const passedOn = seen.slice(0, admitted).filter(({ from, header }) => from === id && header.viaList.length > 0);
    expect(passedOn).toEqual([]);
    expect(joiner.node.status().records).toBeGreaterThan(0);
    await overlay.clock.runUntil(() => overlay.isRing(), 10_000);
    await overlay.clock.advance(60_000);
    for (let i = 0; i < 40; i++) expect(await overlay.fetch(overlay.nodes[i % 8]!, `record ${i}`)).toBe(`${i}`);
    const relayed = seen.slice(joined).filter(({ from, header }) => from === id && header.viaList.length > 0);
    expect(relayed.length).toBeGreaterThan(0);
  });

  it('R7890-4-15 can end at the bootstrap node itself', async () => {
    const overlay = await SimulatedOverlay.create({ seed: 'two' });
    const first = await overlay.add('first');
    const seen = tapWires(overlay);
    const second = await overlay.add('second');
    const { to } = seen.find(({ from, code }) => from === second.node.nodeId && code === MessageCode.joinReq)!;
    expect(to).toBe(first.node.nodeId);
  });

  it('R6940-14.2-01 is port 6084 where nothing else is said: to listen, and to dial', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'copperring-default-port-'));
    try {
      const file = join(directory, 'empty.toml');
      await writeFile(file, '', { mode: 0o600 });
      const { listen } = nodeOptions(await loadConfig(file, {}));
      const overlay = await SimulatedOverlay.create({ seed: 'port' });
      const [dialled, listened]: [Dialled[], unknown[]] = [[], []];
      const wrapTransport = (transport: OverlayTransport) => recorded(transport, dialled, listened);
      const first = await overlay.add('first', { listen: listen!, wrapTransport });
      expect(listened).toEqual([{ host: '0.0.0.0', port: 6084 }]);

      const written = documentOf(`<bootstrap-node address="${first.host.address}"/>`);
      const { bootstrapNodes } = readDocument(written).configuration;
      await overlay.add('second', { bootstrapNodes, wrapTransport });
      expect(dialled[0]?.addresses).toEqual([{ type: 'ipv4', address: first.host.address, port: 6084 }]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe('the order of the ways', () => {
  const at = (n: number): BootstrapAddress => ({ address: `192.0.2.${n}`, port: 6084 });

  /** Entrances of a node for which nobody answers; `tried` are the addresses in the order they were dialled. */
  async function entrances(options: BootstrapEntrancesOptions & { readonly found?: readonly BootstrapAddress[] }) {
    const overlay = await createTestOverlay();
    const { nodeId } = await overlay.identity('node');
    const tried: string[] = [];
    const transport: OverlayTransport = {
      ...recorded(new MemoryTransport(new MemoryNetwork(deps(), {}).host(), await overlay.identity('x')), []),
      dialLink: async ([first]) => {
        tried.push(first?.type === 'unknown' ? '' : (first?.address ?? ''));
        throw new Error('nobody there');
      },
    };
    const cache = new PeerCache({ store: memoryStore().namespace('peers'), clock: systemClock });
    await cache.remember([at(1), at(2)]);
    const links = new LinkTable({ ...deps(), receive: () => {} }, { nodeId });
    const finder: Finder = {
      way: 'multicast',
      async *find() {
        yield* options.found ?? [at(4), at(1)];
      },
    };
    const lookUp = async (name: string) => {
      if (name === 'unknown.example') throw new Error('no such name');
      return Array.from({ length: 20 }, (_, i) => `198.51.100.${i}`);
    };
    const made = new BootstrapEntrances(
      { ...deps(), nodeId, transport, links, configuration: overlay.source, cache, finders: [finder], lookUp },
      options,
    );
    return { made, tried };
  }

  function deps() {
    return { clock: systemClock, random: new SeededRandom('ways'), log: silentLogger };
  }

  async function all(of: AsyncIterable<NodeId>): Promise<void> {
    for await (const _ of of) throw new Error('nobody is there to be linked');
  }

  it('R7890-5.4-03 is peers of earlier days, the list, the own network; each address once', async () => {
    const { made, tried } = await entrances({ bootstrapNodes: [at(3)] });
    await all(made.contacts(new AbortController().signal));
    expect(tried).toEqual([1, 2, 3, 4].map((n) => at(n).address));
  });

  it('begins with the list for whoever looks for another ring, and ends with peers of earlier days', async () => {
    const { made, tried } = await entrances({ bootstrapNodes: [at(3)] });
    await all(made.contacts(new AbortController().signal, { bootstrapFirst: true }));
    expect(tried).toEqual([3, 4, 1, 2].map((n) => at(n).address));
  });

  it('looks names up, tries eight addresses of each, and goes on without those that have none', async () => {
    const nodes = ['unknown.example', 'peers.example'].map((address) => ({ address, port: 6084 }));
    const { made, tried } = await entrances({ bootstrapNodes: nodes });
    await all(made.contacts(new AbortController().signal));
    expect(tried.filter((address) => address.startsWith('198.51.100.'))).toHaveLength(8);
    expect(tried.at(-1)).toBe(at(4).address);
  });
});

describe('what is remembered', () => {
  it('R6940-11.4-05 R6940-11.4-06 is only peers that are linked now and whose listening port is known', async () => {
    const overlay = await SimulatedOverlay.create({ seed: 'remembered' });
    await overlay.grow(6);
    await overlay.clock.runUntil(() => overlay.isRing());
    const [first, second] = overlay.nodes;
    const listed = [first!, second!].map(({ host }) => ({ address: host.address, port: BOOTSTRAP_PORT }));
    const joiner = await overlay.add('joiner', { bootstrapNodes: [listed[0]!] });
    await overlay.clock.advance(70_000);
    const cache = new PeerCache({ store: joiner.store.namespace('peers'), clock: overlay.clock });
    const { successors = [], predecessors = [] } = joiner.node.status();
    const isNeighbour = [...successors, ...predecessors].includes(first!.node.nodeId);
    expect(isNeighbour).toBe(true);
    expect(cache.list()).toEqual([listed[0]]);
  });

  it('R6940-11.4-06 is no peer whose link is gone, though Updates still name it', async () => {
    const overlay = await SimulatedOverlay.create({ seed: 'named' });
    const first = await overlay.add('first');
    const { nodeId, certificate } = first.identity;
    const own = await overlay.overlay.identity('own');
    const store = memoryStore().namespace('peers');
    const cache = new PeerCache({ store, clock: overlay.clock });
    const ports = { clock: overlay.clock, random: overlay.random, log: silentLogger, cache };
    const links = new LinkTable({ ...ports, receive: () => {} }, { nodeId: own.nodeId });
    const transport = new MemoryTransport(overlay.network.host(), own);
    const entrances = new BootstrapEntrances(
      { ...ports, nodeId: own.nodeId, transport, links, configuration: overlay.overlay.source },
      { bootstrapNodes: [{ address: first.host.address, port: BOOTSTRAP_PORT }] },
    );
    const contacts = entrances.contacts(new AbortController().signal)[Symbol.asyncIterator]();
    expect((await overlay.clock.run(contacts.next())).value).toBe(nodeId);
    const stranger = await overlay.overlay.identity('stranger');
    const memory = new PeerMemory({ ...ports, links, entrances });
    memory.start(() => ({ joined: true, successors: [nodeId, stranger.nodeId], predecessors: [] }));
    links.remove(nodeId);
    await memory.stop();
    expect(cache.list()).toEqual([]);
    expect((await overlay.clock.run(contacts.next())).done).toBe(true);

    const again = entrances.contacts(new AbortController().signal)[Symbol.asyncIterator]();
    await overlay.clock.run(again.next());
    await memory.stop();
    expect(cache.list()).toEqual([{ address: first.host.address, port: BOOTSTRAP_PORT }]);
    expect(certificate.nodeIds).toContain(nodeId);
  });
});

describe('on sockets', () => {
  const { start, cleanups } = loopbackNodes();

  function portOf(node: { readonly listening: readonly IpAddressPort[] }, type: 'ipv4' | 'ipv6' = 'ipv4'): number {
    const own = node.listening.find((at) => at.type === type);
    return own === undefined || own.type === 'unknown' ? 0 : own.port;
  }

  it('R7890-4-18 takes a newcomer whose first link comes through a server that only passes bytes on', async () => {
    const overlay = await createTestOverlay({ clock: systemClock, configuration: { noIce: true } });
    const first = await start(overlay, 'first', { foundRing: true });
    const passed = new Set<Socket>();
    const server = createServer((near) => {
      const far = connect(portOf(first), '127.0.0.1');
      for (const socket of [near, far]) passed.add(socket.on('error', () => {}));
      near.pipe(far).pipe(near);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanups.push(async () => {
      for (const socket of passed) socket.destroy();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const second = await start(overlay, 'second', { bootstrapNodes: [{ address: '127.0.0.1', port }] });
    expect(passed.size).toBe(2);
    expect(second.status()).toMatchObject({ joined: true, entrance: { way: 'listed', port } });
  });

  it('R7890-4-17 is told by a server that is no member of the overlay and hands out the list of bootstrap nodes', async () => {
    const server = await runServer({ configuration: { noIce: true } });
    cleanups.push(() => server.close());
    const first = await start(server.overlay, 'first', { foundRing: true });
    const at = { address: '127.0.0.1', port: portOf(first) };
    server.publish({ bootstrapNodes: [at] });
    const directory = await mkdtemp(join(tmpdir(), 'copperring-newcomer-'));
    cleanups.push(() => rm(directory, { recursive: true }));
    const ports = { clock: systemClock, random: systemRandom };
    const fingerprint = createHash('sha256').update(server.overlay.root.certificate).digest('hex');
    const enrolled = await enroll(
      { ...ports, resolveSrv: async () => [] },
      {
        overlayName: 'home.example',
        url: `${server.base}/.well-known/reload-config`,
        trust: { fingerprint },
        userName: 'alice@home.example',
        password: 'secret',
      },
    );
    await saveMember(directory, enrolled);
    const { identities, configuration } = await loadMember(directory);
    const newcomer = createReloadNode(
      { ...ports, identity: identities[0]!, configuration, store: memoryStore(), log: silentLogger },
      { mode: 'peer', tls: { bindAddresses: ['127.0.0.1'], advertise: ['127.0.0.1'] } },
    );
    cleanups.push(() => newcomer.stop());
    await newcomer.start(AbortSignal.timeout(15_000));
    expect(newcomer.status()).toMatchObject({ joined: true, entrance: { way: 'listed', ...at } });
  });

  it('takes newcomers over IPv6 and IPv4 when it listens on [::]', async () => {
    const overlay = await createTestOverlay({ clock: systemClock, configuration: { noIce: true } });
    const tls = { bindAddresses: ['127.0.0.1'], advertise: ['127.0.0.1', '::1'] };
    const first = await start(overlay, 'first', { foundRing: true, listen: { host: '::', port: 0 }, tls });
    for (const [type, address] of [
      ['ipv6', '::1'],
      ['ipv4', '127.0.0.1'],
    ] as const) {
      const node = await start(overlay, type, { bootstrapNodes: [{ address, port: portOf(first, type) }] });
      expect(node.status().entrance).toMatchObject({ way: 'listed', address });
    }
  });
});

function isFor(list: readonly unknown[], wanted: readonly unknown[]): boolean {
  return JSON.stringify(list) === JSON.stringify(wanted);
}
