import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { NodeStatus } from '#reload/node/reload-node.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { eventually } from '../../support/eventually.ts';
import { buildPeerProgram, PeerProcess, temporaryDirectory } from '../../support/peer-processes.ts';
import { type RunningServer, runServer } from '../enrollment/running-server.ts';

interface Started {
  readonly nodeId: NodeId;
  readonly listening: readonly { readonly address: string; readonly port: number }[];
}

interface Peer extends Started {
  readonly process: PeerProcess;
}

/** Peers that enrolled over HTTPS, keep their records in LMDB and are linked by TLS. */
describe('peers in processes of their own', () => {
  const cleanups: (() => Promise<unknown>)[] = [];
  let program: Awaited<ReturnType<typeof buildPeerProgram>>;
  let server: RunningServer;

  beforeAll(async () => {
    program = await buildPeerProgram();
    server = await runServer();
    for (let i = 0; i < 5; i++) await server.accounts.add({ account: `peer${i}@home.example`, password: 'secret' });
  });

  afterAll(async () => {
    await server.close();
    await program.remove();
  });

  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  async function startPeer(i: number, bootstrapNodes: Started['listening']): Promise<Peer> {
    const directory = await temporaryDirectory();
    cleanups.push(() => directory.remove());
    const peer = new PeerProcess(program.path);
    cleanups.push(() => peer.end());
    const started = await peer.ask<Started>({
      do: 'start',
      directory: directory.path,
      url: `${server.base}/.well-known/reload-config`,
      fingerprint: createHash('sha256').update(server.overlay.root.certificate).digest('hex'),
      userName: `peer${i}@home.example`,
      bootstrapNodes,
    });
    return { ...started, process: peer };
  }

  async function startRing(count: number): Promise<Peer[]> {
    const first = await startPeer(0, []);
    const others = await Promise.all(Array.from({ length: count - 1 }, (_, i) => startPeer(i + 1, first.listening)));
    const peers = [first, ...others];
    const statusOf = ({ process }: Peer) => process.ask<NodeStatus>({ do: 'status' });
    await eventually(async () => (await Promise.all(peers.map(statusOf))).every(({ peers: n }) => n === count - 1));
    for (const { process, nodeId } of peers) await process.ask({ do: 'store', value: `of ${nodeId}` });
    return peers;
  }

  async function lost(readers: readonly Peer[], owners: readonly Peer[]): Promise<readonly string[]> {
    const missing: string[] = [];
    for (const { process, nodeId } of readers) {
      for (const { nodeId: owner } of owners) {
        const found = await process.ask({ do: 'fetch', owner });
        if (found !== `of ${owner}`) missing.push(`${nodeId} found ${String(found)} of ${owner}`);
      }
    }
    return missing;
  }

  it('enrol, link by TLS, store and fetch', async () => {
    const peers = await startRing(2);
    expect(await lost(peers, peers)).toEqual([]);
  });

  it('find every record through every survivor after kill -9 and after SIGSTOP, and take back who continues', async () => {
    const peers = await startRing(5);
    const [first, killed, stopped, ...others] = peers as [Peer, Peer, Peer, ...Peer[]];
    killed.process.signal('SIGKILL');
    expect(await lost([first, stopped, ...others], peers)).toEqual([]);
    stopped.process.signal('SIGSTOP');
    const survivors = [first, ...others];
    const start = Date.now();
    expect(await lost(survivors, peers)).toEqual([]);
    expect(Date.now() - start).toBeLessThan(15_000);
    const neighboursOf = async ({ process }: Peer) => {
      const { predecessors, successors } = await process.ask<NodeStatus>({ do: 'status' });
      return [...(predecessors ?? []), ...(successors ?? [])];
    };
    const isNeighbour = (node: NodeId) => async (peer: Peer) => (await neighboursOf(peer)).includes(node);
    await eventually(async () => !(await Promise.all(survivors.map(isNeighbour(stopped.nodeId)))).includes(true));
    stopped.process.signal('SIGCONT');
    await eventually(async () => !(await Promise.all(survivors.map(isNeighbour(stopped.nodeId)))).includes(false));
    await eventually(async () => (await stopped.process.ask<NodeStatus>({ do: 'status' })).joined);
    expect(await lost([stopped, ...survivors], peers)).toEqual([]);
  }, 60_000);
});
