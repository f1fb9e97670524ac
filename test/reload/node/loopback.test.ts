import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import type { AppConnection } from '#reload/link/link.ts';
import { createReloadNode, type NodeOptions } from '#reload/node/create-node.ts';
import type { ReloadNode } from '#reload/node/reload-node.ts';
import { KindId } from '#reload/wire/codes.ts';
import { nodeDestination, resourceDestination } from '#reload/wire/destination.ts';
import { hashToResourceId, idBytes, type NodeId } from '#reload/wire/ids.ts';
import type { KeyValueStore } from '#store/key-value-store.ts';
import { openLmdbStore } from '#store/lmdb-store.ts';
import { memoryStore } from '#store/memory-store.ts';
import { eventually } from '../../support/eventually.ts';
import { createTestOverlay, type TestOverlay } from '../../support/overlay.ts';

const LOOPBACK = { host: '127.0.0.1', port: 0 };
/** Short enough for a test to see stopped peers being given up. */
const TIMERS = { livenessInterval: 1000, suspicionTimeout: 1000, holdDown: 500 };

describe('nodes over TLS on loopback', () => {
  const cleanups: (() => Promise<unknown>)[] = [];

  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  async function overlayNow(): Promise<TestOverlay> {
    return createTestOverlay({ clock: systemClock, configuration: { noIce: true } });
  }

  async function start(
    overlay: TestOverlay,
    user: string,
    options: Partial<NodeOptions> = {},
    store: KeyValueStore = memoryStore(),
  ): Promise<ReloadNode> {
    const node = createReloadNode(
      {
        identity: await overlay.identity(user),
        configuration: overlay.source,
        store,
        clock: systemClock,
        random: systemRandom,
        log: silentLogger,
      },
      {
        mode: 'peer',
        listen: LOOPBACK,
        bootstrapNodes: [],
        timers: TIMERS,
        tls: { bindAddresses: ['127.0.0.1'], advertise: ['127.0.0.1'] },
        ...options,
      },
    );
    cleanups.push(() => node.stop());
    await node.start(AbortSignal.timeout(15_000));
    return node;
  }

  function bootstrapAt(node: ReloadNode) {
    return node.listening.flatMap((at) => (at.type === 'unknown' ? [] : [{ address: at.address, port: at.port }]));
  }

  function certificateRecord(node: ReloadNode, value: string) {
    return {
      resource: hashToResourceId(idBytes(node.nodeId)),
      kind: KindId.certificateByNode,
      values: [{ place: { model: 'array', index: 0 } as const, value: Buffer.from(value) }],
      lifetimeSeconds: 3600,
    };
  }

  async function read(by: ReloadNode, owner: NodeId): Promise<string | undefined> {
    const resource = hashToResourceId(idBytes(owner));
    const { values } = await by.records.fetch({ resource, kind: KindId.certificateByNode });
    return values[0] === undefined ? undefined : Buffer.from(values[0].value).toString();
  }

  it('stores on LMDB at one node and fetches at another', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'copperring-node-'));
    cleanups.push(() => rm(directory, { recursive: true }));
    const store = await openLmdbStore(directory);
    cleanups.push(() => store.close());
    const overlay = await overlayNow();
    const first = await start(overlay, 'first', { foundRing: true }, store);
    const second = await start(overlay, 'second', { bootstrapNodes: bootstrapAt(first) });
    await second.records.store(certificateRecord(second, 'from the second'));
    await first.records.store(certificateRecord(first, 'from the first'));
    expect(await read(first, second.nodeId)).toBe('from the second');
    expect(await read(second, first.nodeId)).toBe('from the first');
  });

  it('joins, survives a peer without Leave and one with it, and finds every record', async () => {
    const overlay = await overlayNow();
    const first = await start(overlay, 'first', { foundRing: true });
    const nodes = [first];
    for (let i = 1; i < 5; i++) nodes.push(await start(overlay, `peer${i}`, { bootstrapNodes: bootstrapAt(first) }));
    for (const node of nodes) await node.records.store(certificateRecord(node, `of ${node.nodeId}`));
    const [, leaver, , , last] = nodes as [ReloadNode, ReloadNode, ReloadNode, ReloadNode, ReloadNode];
    await leaver.stop();
    const survivors = nodes.filter((node) => node !== leaver);
    for (const reader of survivors) {
      for (const owner of nodes) expect(await read(reader, owner.nodeId)).toBe(`of ${owner.nodeId}`);
    }
    const { nodeId } = await last.queries.ping([resourceDestination(hashToResourceId('anything'))]);
    expect(survivors.map((node) => node.nodeId)).toContain(nodeId);
    expect((await first.queries.ping([nodeDestination(last.nodeId)])).nodeId).toBe(last.nodeId);
    await eventually(() => survivors.every((node) => node.status().successors?.length === 3));
  });

  it('reaches a client that a peer hosts, and is reached by it, over connections under the certificate of the client', async () => {
    const overlay = await overlayNow();
    const first = await start(overlay, 'first', { foundRing: true });
    const host = await start(overlay, 'host', { bootstrapNodes: bootstrapAt(first) });
    const phone = await host.hostClient(await overlay.identity('phone'));
    await phone.records.store(certificateRecord(phone, 'of the phone'));
    expect(await read(first, phone.nodeId)).toBe('of the phone');

    const arrived = (node: ReloadNode) =>
      new Promise<AppConnection>((resolve) => node.onAppAttach(5060, (connection) => resolve(connection)));
    const [atPhone, atFirst] = [arrived(phone), arrived(first)];
    const signal = AbortSignal.timeout(10_000);
    const through = [nodeDestination(host.nodeId), nodeDestination(phone.nodeId)];
    const inbound = await first.appAttach(through, 5060, signal);
    expect(inbound.peer.userName).toBe('phone@home.example');
    expect((await atPhone).peer.userName).toBe('first@home.example');
    const outbound = await phone.appAttach([nodeDestination(first.nodeId)], 5060, signal);
    expect((await atFirst).peer.userName).toBe('phone@home.example');
    outbound.stream.write('INVITE');
    const [chunk] = (await once((await atFirst).stream, 'data')) as [Buffer];
    expect(chunk.toString()).toBe('INVITE');
    for (const { stream } of [inbound, outbound]) stream.destroy();
  });

  it('takes a client that is no peer', async () => {
    const overlay = await overlayNow();
    const first = await start(overlay, 'first', { foundRing: true });
    const client = await start(overlay, 'client', { mode: 'client', bootstrapNodes: bootstrapAt(first) });
    await client.records.store(certificateRecord(client, 'of the client'));
    expect(await read(first, client.nodeId)).toBe('of the client');
    expect(client.status().uplink).toBe(first.nodeId);
    expect(first.status().peers).toBe(0);
  });
});
