import type { SeededRandom } from '../simulation/seeded-random.ts';
import type { Cluster, ClusterPeer } from './cluster.ts';
import { KINDS, MODELS, type Model, resourceOf } from './kinds.ts';
import type { Attempt, Ledger } from './ledger.ts';
import type { Stored } from './orders.ts';

const SLOTS = 4;
const KEYS = ['a', 'b', 'c', 'd'];
/** A Store that took longer may have been answered before its replicas (which it waits 2 s for). */
const CERTAIN_MS = 1500;

/** One record, written by its owner alone and one Store after the other. */
export interface Lane {
  readonly owner: ClusterPeer;
  readonly slot: number;
  readonly model: Model;
}

export interface Load {
  /** Resolves when so many Stores were acknowledged: a moment that a busy machine does not move. */
  reached(acknowledged: number): Promise<void>;
  /** Begins no more Stores and waits a little for those under way; a later answer is still taken down. */
  stop(): Promise<void>;
  /** From now on nobody knows for sure who holds what. */
  disturbed(): void;
}

/** The ledger's name of the record. */
export function nameOf({ owner, slot, model }: Lane): string {
  return `${owner.nodeId}/${slot}/${model}`;
}

export function lanesOf(peers: readonly ClusterPeer[]): readonly Lane[] {
  const slots = Array.from({ length: SLOTS }, (_, i) => i + 1);
  return peers.flatMap((owner) => slots.flatMap((slot) => MODELS.map((model) => ({ owner, slot, model }))));
}

/** A Store in a ring that has just lost a replica may take as long as the wait for it. */
const STOP_MS = 300;

/** Stores overwrites, removals, array elements and dictionary entries in all lanes at once until told to stop. */
export function startLoad(cluster: Cluster, ledger: Ledger, lanes: readonly Lane[], random: SeededRandom): Load {
  let running = true;
  let calm = true;
  let acknowledged = 0;
  const awaited = new Map<number, () => void>();
  const work = lanes.map(async (lane) => {
    const draw = random.fork(nameOf(lane));
    if (ledger.isBusy(nameOf(lane))) return;
    while (running && lane.owner.process !== undefined) {
      const { writes, isAppend = false } = chooseWrites(lane, ledger, draw);
      const attempt = ledger.begin(nameOf(lane), writes);
      const generation = draw.unit() < 0.3 ? (ledger.settledGeneration(nameOf(lane)) ?? 0) : 0;
      await store(lane, attempt, { isAppend, generation });
    }
  });

  async function store(lane: Lane, attempt: Attempt, how: { isAppend: boolean; generation: number }): Promise<void> {
    const begin = performance.now();
    try {
      const values = attempt.writes.map(({ place, text }) => ({ place: how.isAppend ? 'append' : place, text }));
      const { slot, model } = lane;
      const order = { do: 'store', slot, model, values, generation: how.generation } as const;
      const stored = await cluster.ask<Stored>(lane.owner, order);
      const isCertain = calm && performance.now() - begin < CERTAIN_MS;
      const [owner] = cluster.holders(resourceOf(lane.owner.nodeId, slot));
      ledger.acknowledge(attempt, stored.generation, new Set(isCertain ? [owner!.nodeId, ...stored.replicas] : []));
      acknowledged += 1;
      awaited.get(acknowledged)?.();
    } catch {
      ledger.abandon(attempt);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  return {
    reached(count) {
      return new Promise((resolve) => (acknowledged >= count ? resolve() : awaited.set(count, resolve)));
    },
    disturbed() {
      calm = false;
    },
    async stop() {
      running = false;
      await Promise.race([Promise.all(work), new Promise((resolve) => setTimeout(resolve, STOP_MS))]);
    },
  };
}

interface Choice {
  readonly writes: readonly { readonly place: string; readonly exists: boolean }[];
  readonly isAppend?: boolean;
}

function chooseWrites(lane: Lane, ledger: Ledger, random: SeededRandom): Choice {
  const exists = random.unit() < 0.7;
  if (lane.model === 'single') return { writes: [{ place: '', exists }] };
  if (lane.model === 'array') {
    const next = ledger.nextIndex(nameOf(lane));
    if (next !== undefined && next < KINDS.array.maxCount && random.unit() < 0.5) {
      return { writes: [{ place: String(next), exists: true }], isAppend: true };
    }
    const known = Math.max(1, next ?? KINDS.array.maxCount);
    return { writes: [{ place: String(Math.floor(random.unit() * known)), exists }] };
  }
  const first = Math.floor(random.unit() * KEYS.length);
  const count = 1 + Math.floor(random.unit() * 2);
  const writes = Array.from({ length: count }, (_, i) => ({
    place: KEYS[(first + i) % KEYS.length]!,
    exists: random.unit() < 0.7,
  }));
  return { writes };
}
