import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '#platform/clock.ts';
import { saveMember } from '#reload/enrollment/identity-directory.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';
import { openLmdbStore } from '#store/lmdb-store.ts';
import { eventually } from '../support/eventually.ts';
import { createTestOverlay } from '../support/overlay.ts';
import { buildPeerProgram, PeerProcess, temporaryDirectory } from '../support/peer-processes.ts';
import { type Image, readImage } from './image.ts';
import { KINDS } from './kinds.ts';
import type { Endpoint, Neighbourhood, StoringOrder } from './orders.ts';

const PER_SIDE = 3;
const REPLICAS = 2;
const SETTLE_MS = 60_000;

export interface ClusterPeer {
  readonly nodeId: NodeId;
  readonly directory: string;
  process: PeerProcess<StoringOrder> | undefined;
  listening: readonly Endpoint[];
}

/** A ring of peers in processes of their own, which can be killed and started again on what they left on disk. */
export class Cluster {
  /** In the order of the ring. */
  readonly peers: readonly ClusterPeer[];
  readonly #program: Awaited<ReturnType<typeof buildPeerProgram>>;
  readonly #directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  readonly #answersEarly: boolean;
  #copies = 0;

  private constructor(
    peers: readonly ClusterPeer[],
    program: Awaited<ReturnType<typeof buildPeerProgram>>,
    directory: Awaited<ReturnType<typeof temporaryDirectory>>,
    answersEarly: boolean,
  ) {
    this.peers = peers;
    this.#program = program;
    this.#directory = directory;
    this.#answersEarly = answersEarly;
  }

  static async start(size: number, options: { readonly answersEarly?: boolean } = {}): Promise<Cluster> {
    const directory = await temporaryDirectory();
    const program = await buildPeerProgram(new URL('storing-peer.ts', import.meta.url));
    const kinds = Object.values(KINDS);
    const overlay = await createTestOverlay({ clock: systemClock, configuration: { kinds, reliabilityTimer: 400 } });
    const members = await overlay.members(size);
    const peers = members.map(({ nodeId }) => ({
      nodeId,
      directory: join(directory.path, nodeId),
      process: undefined,
      listening: [],
    }));
    for (const { nodeId, certificate, privateKey } of members) {
      const files = { document: overlay.document, root: overlay.root.certificate, certificate, privateKey };
      await saveMember(join(directory.path, nodeId), files);
    }
    peers.sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
    const cluster = new Cluster(peers, program, directory, options.answersEarly ?? false);
    const [first, ...others] = cluster.peers;
    await cluster.startPeer(first!);
    await Promise.all(others.map((peer) => cluster.startPeer(peer)));
    await cluster.settled();
    return cluster;
  }

  get living(): readonly ClusterPeer[] {
    return this.peers.filter(({ process }) => process !== undefined);
  }

  async startPeer(peer: ClusterPeer): Promise<void> {
    const process = new PeerProcess<StoringOrder>(this.#program.path);
    const bootstrapNodes = this.living.flatMap(({ listening }) => listening);
    const answersEarly = this.#answersEarly;
    peer.process = process;
    peer.listening = await process.ask<Endpoint[]>({
      do: 'start',
      directory: peer.directory,
      bootstrapNodes,
      answersEarly,
    });
  }

  /** Synchronous up to the signal, so that what was acknowledged before the call was acknowledged before the death. */
  async kill(peer: ClusterPeer): Promise<void> {
    const { process } = peer;
    peer.process = undefined;
    peer.listening = [];
    await process?.end();
  }

  ask<T>(peer: ClusterPeer, order: StoringOrder): Promise<T> {
    if (peer.process === undefined) return Promise.reject(new Error('the peer is dead'));
    return peer.process.ask<T>(order);
  }

  /** Resolves once every living peer knows exactly the living ones around it. */
  async settled(): Promise<void> {
    const isSettled = async (peer: ClusterPeer, at: number, all: readonly ClusterPeer[]) => {
      const { joined, predecessors, successors } = await this.ask<Neighbourhood>(peer, { do: 'neighbours' });
      const ids = [...all.slice(at + 1), ...all.slice(0, at)].map(({ nodeId }) => nodeId as string);
      const isSame = (known: readonly string[], expected: readonly string[]) => known.join() === expected.join();
      return (
        joined && isSame(successors, ids.slice(0, PER_SIDE)) && isSame(predecessors, ids.slice(-PER_SIDE).reverse())
      );
    };
    try {
      await eventually(async () => (await Promise.all(this.living.map(isSettled))).every(Boolean), SETTLE_MS);
    } catch {
      throw new Error(`the ring is not whole after ${SETTLE_MS} ms: ${await this.views()}`);
    }
  }

  /** How the living see the ring, as text. */
  async views(): Promise<string> {
    const views = await Promise.all(
      this.living.map(async (peer) => [peer.nodeId, await this.ask<Neighbourhood>(peer, { do: 'neighbours' })]),
    );
    return JSON.stringify(views);
  }

  /** The peer that answers for the resource and those that keep copies while all live, in this order. */
  holders(resource: ResourceId): readonly ClusterPeer[] {
    const at = Math.max(
      this.peers.findIndex(({ nodeId }) => nodeId >= (resource as string)),
      0,
    );
    return Array.from({ length: REPLICAS + 1 }, (_, i) => this.peers[(at + i) % this.peers.length]!);
  }

  /** What a dead peer left on disk, read from a copy: looking must repair nothing. */
  async imageOfDead({ directory, nodeId }: ClusterPeer): Promise<Image> {
    this.#copies += 1;
    const copy = join(this.#directory.path, `copy-${this.#copies}-${nodeId}`);
    await cp(join(directory, 'db'), copy, { recursive: true });
    const store = await openLmdbStore(copy);
    try {
      return readImage(store.namespace('records'));
    } finally {
      await store.close();
      await rm(copy, { recursive: true });
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.living.map((peer) => this.kill(peer)));
    await this.#program.remove();
    await this.#directory.remove();
  }
}
