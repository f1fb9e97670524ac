import { systemClock } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { loadMember } from '#reload/enrollment/identity-directory.ts';
import { createReloadNode } from '#reload/node/create-node.ts';
import type { ReloadNode } from '#reload/node/reload-node.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import type { KeyValueStore } from '#store/key-value-store.ts';
import { openLmdbStore } from '#store/lmdb-store.ts';
import type { PeerAnswer } from '../support/peer-orders.ts';
import { earlyStore } from './early-store.ts';
import { readImage } from './image.ts';
import { KINDS, placeOf, resourceOf } from './kinds.ts';
import type { Fetched, Neighbourhood, Stored, StoringOrder } from './orders.ts';

/** A peer in a process of its own, with LMDB and TLS as a gateway has them. It obeys its parent until it is killed. */
let node: ReloadNode | undefined;
let store: KeyValueStore | undefined;

/** Copies and joins follow quickly; but on a busy machine a peer that is late must not pass for dead. */
const TIMERS = {
  livenessInterval: 5000,
  suspicionTimeout: 5000,
  holdDown: 250,
  copyRetry: 100,
  coalesce: { min: 10, max: 40 },
  rejoinBackoff: { first: 100, max: 1000 },
  unreachableFor: 100,
};
const EARLY_LAG_MS = 400;

async function start(order: Extract<StoringOrder, { do: 'start' }>) {
  const { directory, bootstrapNodes, answersEarly } = order;
  const member = await loadMember(directory);
  const [identity] = member.identities;
  const disk = await openLmdbStore(`${directory}/db`);
  store = answersEarly ? earlyStore(disk, EARLY_LAG_MS) : disk;
  node = createReloadNode(
    {
      identity: identity!,
      configuration: member.configuration,
      store,
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
    },
    {
      mode: 'peer',
      listen: { host: '127.0.0.1', port: 0 },
      bootstrapNodes,
      foundRing: bootstrapNodes.length === 0,
      timers: TIMERS,
      tls: { bindAddresses: ['127.0.0.1'] },
    },
  );
  await node.start();
  return node.listening;
}

async function obey(order: StoringOrder): Promise<unknown> {
  if (order.do === 'start') return start(order);
  if (node === undefined || store === undefined) throw new Error('not started');
  switch (order.do) {
    case 'store': {
      const { slot, model, values, generation } = order;
      const stored = await node.records.store({
        resource: resourceOf(node.nodeId, slot),
        kind: KINDS[model].id,
        values: values.map(({ place, text }) => ({
          place: placeOf(model, place),
          value: text === null ? undefined : Buffer.from(text),
        })),
        lifetimeSeconds: 86_400,
        generation: BigInt(generation),
      });
      return { generation: Number(stored.generation), replicas: stored.replicas } satisfies Stored;
    }
    case 'fetch': {
      const { owner, slot, model } = order;
      const fetched = await node.records.fetch({ resource: resourceOf(owner as NodeId, slot), kind: KINDS[model].id });
      const values = fetched.values.map(({ place, value }) => ({
        place: place.model === 'single' ? '' : place.model === 'array' ? String(place.index) : text(place.key),
        text: text(value),
      }));
      return { generation: Number(fetched.generation), values } satisfies Fetched;
    }
    case 'neighbours': {
      const { joined, predecessors = [], successors = [], suspects = [], links } = node.status();
      const linked = links.map(({ nodeId, suspect }) => (suspect ? `${nodeId} suspect` : nodeId));
      return { joined, predecessors, successors, suspects, links: linked } satisfies Neighbourhood;
    }
    case 'image':
      return readImage(store.namespace('records'));
  }
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

process.on('message', (message: StoringOrder & { readonly id: number }) => {
  const reply = (answer: PeerAnswer) => process.send?.({ id: message.id, ...answer });
  obey(message).then(
    (result) => reply({ result }),
    (error: unknown) => reply({ error: messageOf(error) }),
  );
});
process.on('disconnect', () => process.exit());
