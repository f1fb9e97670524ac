import { systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { createReloadNode } from '#reload/node/create-node.ts';
import { memoryStore } from '#store/memory-store.ts';
import { createTestOverlay } from '../../../support/overlay.ts';

/** Run in a network of its own: two peers that know nobody find each other there; prints how, and where. */
async function meet(group: string | undefined): Promise<void> {
  const multicastBootstrap = group === undefined ? [] : [{ address: group, port: 6084 }];
  const overlay = await createTestOverlay({ clock: systemClock, configuration: { noIce: true, multicastBootstrap } });
  const nodes = [];
  for (const port of [6084, 6085]) {
    const identity = await overlay.identity(`peer${port}`);
    const ports = { clock: systemClock, random: systemRandom, log: silentLogger, store: memoryStore() };
    const node = createReloadNode(
      { ...ports, identity, configuration: overlay.source },
      {
        mode: 'peer',
        listen: { host: '::', port },
        foundRing: port === 6084,
        localSearch: { dnsSd: group === undefined, loopback: false },
      },
    );
    await node.start(AbortSignal.timeout(10_000));
    nodes.push(node);
  }
  process.stdout.write(`${JSON.stringify(nodes.map((node) => node.status().entrance))}\n`);
  for (const node of nodes.reverse()) await node.stop();
}

for (const group of ['239.255.60.84', 'ff02::6084', undefined]) await meet(group);
