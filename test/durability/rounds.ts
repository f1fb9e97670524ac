import type { SeededRandom } from '../simulation/seeded-random.ts';
import { eventually } from '../support/eventually.ts';
import type { Cluster, ClusterPeer } from './cluster.ts';
import type { Image, ImageRecord } from './image.ts';
import { KIND_IDS, resourceOf } from './kinds.ts';
import type { Debt, Ledger, Sight } from './ledger.ts';
import { type Lane, lanesOf, nameOf, startLoad } from './load.ts';
import type { Fetched } from './orders.ts';
import type { Watermarks } from './watermarks.ts';

export interface RoundContext {
  readonly cluster: Cluster;
  readonly ledger: Ledger;
  readonly watermarks: Watermarks;
  readonly random: SeededRandom;
}

const LANES = 16;
/** Acknowledged Stores before the first death, and the milliseconds on top that put it in the middle of others. */
const KILL_AFTER = { least: 2, most: 40, ms: 20 };
const SECOND_WITHIN = 150;
const TWO_VICTIMS = 0.3;
/** Attempts to fetch a record. */
const FETCHES = 4;
/** Until all copies are made again. */
const COPIES_MS = 30_000;

/** One round: load, kill -9, look at what is left on disk and at the survivors, start again, look at everybody. Returns faults. */
export async function playRound({ cluster, ledger, watermarks, random }: RoundContext): Promise<readonly string[]> {
  const load = startLoad(cluster, ledger, choose(lanesOf(cluster.peers), LANES, random), random.fork('load'));
  const victims = choose(cluster.peers, random.unit() < TWO_VICTIMS ? 2 : 1, random);
  await load.reached(Math.floor(KILL_AFTER.least + random.unit() * (KILL_AFTER.most - KILL_AFTER.least)));
  await pause(random.unit() * KILL_AFTER.ms);
  const owed = victims.map(({ nodeId }) => ledger.debts(nodeId));
  load.disturbed();
  for (const [i, victim] of victims.entries()) {
    if (i > 0) await pause(random.unit() * SECOND_WITHIN);
    await cluster.kill(victim);
  }
  await pause(random.unit() * SECOND_WITHIN);
  await load.stop();

  const faults: string[] = [];
  const tell = (where: string, found: readonly string[]) => faults.push(...found.map((fault) => `${where}: ${fault}`));
  for (const [i, victim] of victims.entries()) {
    const image = await cluster.imageOfDead(victim);
    const where = `on the disk of ${victim.nodeId}`;
    tell(where, [...image.faults, ...watermarks.check(victim.nodeId, image)]);
    tell(where, judgeImage(ledger, owed[i]!, sightsOf(cluster, image)));
  }
  await cluster.settled();
  tell('among the survivors', await judgeFetches(cluster, ledger, random));
  await Promise.all(victims.map((victim) => cluster.startPeer(victim)));
  await cluster.settled();
  tell('after the restart', await judgeFetches(cluster, ledger, random));
  tell('in the end', await judgeCopies(cluster, ledger, watermarks));
  if (faults.length > 0) faults.push(`killed: ${victims.map(({ nodeId }) => nodeId).join(' and ')}`);
  return faults;
}

function judgeImage(ledger: Ledger, owed: ReadonlyMap<string, Debt>, sights: ReadonlyMap<string, Sight>): string[] {
  const names = new Set([...owed.keys(), ...sights.keys()]);
  return [...names].flatMap((name) => {
    const sight = sights.get(name) ?? { generation: 0, values: new Map<string, string>() };
    return ledger.judge(name, owed.get(name), sight, true);
  });
}

/** Every record through some living peer: what was acknowledged is there, what was removed is not. */
async function judgeFetches(cluster: Cluster, ledger: Ledger, random: SeededRandom): Promise<string[]> {
  const debts = ledger.debts();
  const lanes = lanesOf(cluster.peers).filter((lane) => debts.has(nameOf(lane)));
  const found = await Promise.all(
    lanes.map(async (lane) => {
      const sight = await fetchLane(cluster, lane, random);
      if (typeof sight === 'string') return [sight, await cluster.views()];
      return ledger.judge(nameOf(lane), debts.get(nameOf(lane)), sight, false);
    }),
  );
  return found.flat();
}

/** What is there, or why nobody can tell. A busy machine makes requests time out, which loses nothing: they are repeated. */
async function fetchLane(cluster: Cluster, lane: Lane, random: SeededRandom): Promise<Sight | string> {
  const { slot, model } = lane;
  const reasons: string[] = [];
  while (reasons.length < FETCHES) {
    const [reader] = choose(cluster.living, 1, random);
    try {
      const order = { do: 'fetch', owner: lane.owner.nodeId, slot, model } as const;
      const { generation, values } = await cluster.ask<Fetched>(reader!, order);
      return { generation, values: new Map(values.map(({ place, text }) => [place, text])) };
    } catch (thrown) {
      reasons.push(`${reader?.nodeId}: ${String(thrown)}`);
      await cluster.settled();
    }
  }
  const resource = resourceOf(lane.owner.nodeId, slot);
  const holder = cluster.holders(resource)[0]?.nodeId;
  return `${nameOf(lane)}, ${resource} of ${holder}, can't be fetched: ${reasons.join('; ')}`;
}

/** Soon all three holders of each record have all that was acknowledged. */
async function judgeCopies(cluster: Cluster, ledger: Ledger, watermarks: Watermarks): Promise<readonly string[]> {
  const debts = ledger.debts();
  let faults: string[] = [];
  const look = async () => {
    faults = [];
    for (const peer of cluster.peers) {
      const image = await cluster.ask<Image>(peer, { do: 'image' });
      const owed = new Map([...debts].filter(([name]) => isHolder(cluster, peer, name)));
      const own = new Map([...sightsOf(cluster, image)].filter(([name]) => owed.has(name)));
      const found = [...image.faults, ...watermarks.check(peer.nodeId, image), ...judgeImage(ledger, owed, own)];
      faults.push(...found.map((fault) => `${peer.nodeId}: ${fault}`));
    }
    return faults.length === 0;
  };
  await eventually(look, COPIES_MS).catch(() => {});
  return faults;
}

function isHolder(cluster: Cluster, peer: ClusterPeer, name: string): boolean {
  const [owner, slot] = name.split('/');
  const resource = resourceOf(owner as ClusterPeer['nodeId'], Number(slot));
  return cluster.holders(resource).some(({ nodeId }) => nodeId === peer.nodeId);
}

function sightsOf(cluster: Cluster, image: Image): ReadonlyMap<string, Sight> {
  const names = new Map(lanesOf(cluster.peers).map((lane) => [resourceOf(lane.owner.nodeId, lane.slot), lane]));
  const nameFor = ({ kind, resource }: ImageRecord) => {
    const lane = names.get(resource);
    const model = KIND_IDS.get(kind);
    return lane === undefined || model === undefined ? `${kind}/${resource}` : nameOf({ ...lane, model });
  };
  return new Map(
    image.records.map((record) => [
      nameFor(record),
      {
        generation: record.generation,
        values: new Map(record.values.map(({ place, text }) => [place, text ?? null])),
      },
    ]),
  );
}

function choose<T>(from: readonly T[], count: number, random: SeededRandom): readonly T[] {
  const left = [...from];
  return Array.from({ length: Math.min(count, left.length) }, () => {
    return left.splice(Math.floor(random.unit() * left.length), 1)[0]!;
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
