import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach } from 'vitest';
import { systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { createReloadNode, type NodeOptions } from '#reload/node/create-node.ts';
import type { ReloadNode } from '#reload/node/reload-node.ts';
import type { KeyValueStore } from '#store/key-value-store.ts';
import { memoryStore } from '#store/memory-store.ts';
import type { TestOverlay } from '../../../support/overlay.ts';

/** Starts nodes on loopback and stops them after each test of a file. */
export function loopbackNodes() {
  const cleanups: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  async function start(
    overlay: TestOverlay,
    user: string,
    options: Partial<NodeOptions> = {},
    store: KeyValueStore = memoryStore(),
  ): Promise<ReloadNode> {
    const identity = await overlay.identity(user);
    const ports = { store, clock: systemClock, random: systemRandom, log: silentLogger };
    const node = createReloadNode(
      { ...ports, identity, configuration: overlay.source },
      {
        mode: 'peer',
        listen: { host: '127.0.0.1', port: 0 },
        bootstrapNodes: [],
        startTimeout: 3000,
        tls: { bindAddresses: ['127.0.0.1'], advertise: ['127.0.0.1'] },
        ...options,
      },
    );
    cleanups.push(() => node.stop());
    await node.start(AbortSignal.timeout(15_000));
    return node;
  }

  return { start, cleanups };
}

/** A UDP port that nobody uses now. */
export async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}
