import { resolveSrv } from 'node:dns/promises';
import { systemClock } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { enroll } from '#reload/enrollment/enroll.ts';
import { loadMember, saveMember } from '#reload/enrollment/identity-directory.ts';
import { createReloadNode } from '#reload/node/create-node.ts';
import type { ReloadNode } from '#reload/node/reload-node.ts';
import { KindId } from '#reload/wire/codes.ts';
import { hashToResourceId, idBytes, type NodeId } from '#reload/wire/ids.ts';
import { openLmdbStore } from '#store/lmdb-store.ts';
import type { PeerAnswer, PeerOrder } from './peer-orders.ts';

/** A peer in a process of its own: enrols, joins, and does what its parent asks over the IPC channel. */
let node: ReloadNode | undefined;

async function start(order: Extract<PeerOrder, { do: 'start' }>): Promise<unknown> {
  const { directory, url, fingerprint, userName, bootstrapNodes } = order;
  const overlayName = userName.split('@')[1] ?? '';
  const trust = { fingerprint };
  const deps = { clock: systemClock, random: systemRandom, resolveSrv };
  await saveMember(directory, await enroll(deps, { overlayName, url, trust, userName, password: 'secret' }));
  const member = await loadMember(directory);
  const [identity] = member.identities;
  node = createReloadNode(
    {
      identity: identity!,
      configuration: member.configuration,
      store: await openLmdbStore(directory),
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
    },
    {
      mode: 'peer',
      listen: { host: '127.0.0.1', port: 0 },
      bootstrapNodes,
      foundRing: bootstrapNodes.length === 0,
      timers: { livenessInterval: 1000, suspicionTimeout: 1500 },
      tls: { bindAddresses: ['127.0.0.1'] },
    },
  );
  await node.start();
  return { nodeId: node.nodeId, listening: node.listening };
}

async function obey(order: PeerOrder): Promise<unknown> {
  if (order.do === 'start') return start(order);
  if (node === undefined) throw new Error('not started');
  const kind = KindId.certificateByNode;
  const resourceOf = (id: NodeId) => hashToResourceId(idBytes(id));
  switch (order.do) {
    case 'store': {
      const values = [{ place: { model: 'array', index: 0 } as const, value: Buffer.from(order.value) }];
      const stored = await node.records.store({
        resource: resourceOf(node.nodeId),
        kind,
        values,
        lifetimeSeconds: 3600,
      });
      return { replicas: stored.replicas };
    }
    case 'fetch': {
      const { values } = await node.records.fetch({ resource: resourceOf(order.owner), kind });
      return values[0] === undefined ? undefined : Buffer.from(values[0].value).toString();
    }
    case 'status':
      return node.status();
    case 'stop':
      await node.stop();
      return undefined;
  }
}

process.on('message', (message: PeerOrder & { readonly id: number }) => {
  const reply = (answer: PeerAnswer) => process.send?.({ id: message.id, ...answer });
  obey(message).then(
    (result) => reply({ result }),
    (error: unknown) => reply({ error: messageOf(error) }),
  );
});
process.on('disconnect', () => process.exit());
