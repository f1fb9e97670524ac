import { hashToResourceId } from '#reload/wire/ids.ts';
import type { Lookup } from './lookups.ts';
import type { ScenarioOptions } from './options.ts';
import type { Scenario } from './scenario.ts';

/** Messages of lookups; everything else is the ring's own upkeep. */
const LOOKUP_CODES: ReadonlySet<string> = new Set(['fetchReq', 'fetchAns']);

interface Rate {
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
}

export interface LookupReport {
  readonly count: number;
  readonly rightAtFirstTry: number;
  readonly rightAtRetry: number;
  readonly wrong: number;
  readonly failed: number;
  /** Part that ended with the right value, in percent. */
  readonly rightPercent: number;
  readonly meanHops: number;
  readonly maxHops: number;
  /** Lookups by the number of hops. */
  readonly hops: readonly number[];
  readonly milliseconds: { readonly median: number; readonly p95: number; readonly p99: number };
}

/** What a run found out. Nothing in it depends on the machine: the same arguments give the same report. */
export interface Report {
  readonly options: ScenarioOptions;
  readonly signatures: string;
  readonly growth: {
    readonly seconds: number;
    /** Until every peer knew its true neighbours, after the last join. */
    readonly ringAfterSeconds: number;
    readonly failedJoins: number;
  };
  readonly ring: {
    readonly peers: number;
    readonly isRight: boolean;
    readonly meanLinks: number;
    readonly maxLinks: number;
    readonly meanRecords: number;
  };
  readonly lookups: LookupReport & {
    /** 0.5 * log2(N) + 1. */
    readonly hopsGoal: number;
    readonly readerDied: number;
  };
  readonly lookupsWhileParted: LookupReport | undefined;
  readonly records: {
    readonly acknowledged: number;
    readonly refused: number;
    readonly lost: number;
    /** Of those, records whose peers did not all die within one stabilisation interval. */
    readonly lostWithoutExcuse: number;
  };
  /** Per peer, each message counted once for every link that it crosses; without the messages of lookups. */
  readonly maintenance: Rate & { readonly byCode: readonly (Rate & { readonly code: string })[] };
  readonly churn:
    | {
        readonly crashes: number;
        readonly leaves: number;
        readonly joins: number;
        readonly failedJoins: number;
        readonly threeNeighboursDiedAtOnce: number;
      }
    | undefined;
  readonly partition:
    | { readonly ringSeconds: number | undefined; readonly recordsSeconds: number | undefined }
    | undefined;
  readonly flashJoin: { readonly peers: number; readonly seconds: number | undefined } | undefined;
  readonly malicious: Readonly<Record<string, number>> | undefined;
}

export function reportOf(scenario: Scenario): Report {
  const { options, population, parted, lookups } = scenario;
  const within = ({ at }: Lookup) => parted !== undefined && at >= parted.from && at <= parted.to;
  const peers = population.peers.length;
  return {
    options,
    signatures: options.signatures === 'keyed' ? 'keyed hashes in place of ECDSA' : 'ECDSA on P-256',
    growth: {
      seconds: scenario.grownAt / 1000,
      ringAfterSeconds: (scenario.ringAt - scenario.grownAt) / 1000,
      failedJoins: scenario.failuresWhileGrowing,
    },
    ring: ringReport(scenario),
    lookups: {
      ...lookupReport(lookups.filter((lookup) => !within(lookup))),
      hopsGoal: rounded(0.5 * Math.log2(peers) + 1),
      readerDied: scenario.orphans,
    },
    lookupsWhileParted: parted === undefined ? undefined : lookupReport(lookups.filter(within)),
    records: {
      acknowledged: scenario.records.names.length,
      refused: scenario.records.refused,
      lost: scenario.lost.length,
      lostWithoutExcuse: scenario.lost.filter((name) => !scenario.deaths.excuses(hashToResourceId(name))).length,
    },
    maintenance: maintenanceReport(scenario),
    churn: churnReport(scenario),
    partition: healingReport(scenario),
    flashJoin: options.flashJoin === 0 ? undefined : flashReport(scenario),
    malicious: maliciousReport(scenario),
  };
}

function lookupReport(lookups: readonly Lookup[]): LookupReport {
  const count = lookups.length;
  const ended = (result: Lookup['result']) => lookups.filter((lookup) => lookup.result === result).length;
  const right = lookups.filter(({ result }) => result === 'first' || result === 'retry');
  const most = right.reduce((most, lookup) => Math.max(most, lookup.hops), 0);
  const hops = new Array<number>(most + 1).fill(0);
  for (const lookup of right) hops[lookup.hops] = (hops[lookup.hops] ?? 0) + 1;
  const times = right.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
  const quantile = (part: number) => times[Math.min(times.length - 1, Math.floor(part * times.length))] ?? 0;
  return {
    count,
    rightAtFirstTry: ended('first'),
    rightAtRetry: ended('retry'),
    wrong: ended('wrong'),
    failed: ended('failed'),
    rightPercent: count === 0 ? 100 : rounded((100 * right.length) / count, 3),
    meanHops: right.length === 0 ? 0 : rounded(right.reduce((sum, lookup) => sum + lookup.hops, 0) / right.length, 3),
    maxHops: most,
    hops,
    milliseconds: { median: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99) },
  };
}

function ringReport({ population, overlay }: Scenario): Report['ring'] {
  const states = population.peers.map(({ node }) => node.status());
  const links = states.map((state) => state.links.length);
  const mean = (values: readonly number[]) => rounded(values.reduce((sum, value) => sum + value, 0) / values.length, 2);
  return {
    peers: states.length,
    isRight: overlay.isRing(),
    meanLinks: mean(links),
    maxLinks: links.reduce((most, count) => Math.max(most, count), 0),
    meanRecords: mean(states.map((state) => state.records)),
  };
}

function maintenanceReport({ traffic, peerSeconds }: Scenario): Report['maintenance'] {
  const byCode = traffic
    .filter(({ code }) => !LOOKUP_CODES.has(code))
    .map(({ code, messages, bytes }) => ({
      code,
      messagesPerSecond: rounded(messages / peerSeconds, 4),
      bytesPerSecond: rounded(bytes / peerSeconds, 2),
    }));
  return {
    messagesPerSecond: rounded(
      byCode.reduce((sum, rate) => sum + rate.messagesPerSecond, 0),
      3,
    ),
    bytesPerSecond: rounded(
      byCode.reduce((sum, rate) => sum + rate.bytesPerSecond, 0),
      1,
    ),
    byCode,
  };
}

function churnReport({ options, population, deaths, failuresWhileGrowing }: Scenario): Report['churn'] {
  if (options.churn === undefined) return undefined;
  return {
    crashes: population.crashes,
    leaves: population.leaves,
    joins: population.joins - options.peers,
    failedJoins: population.failures - failuresWhileGrowing,
    threeNeighboursDiedAtOnce: deaths.arcs,
  };
}

function healingReport({ healing }: Scenario): Report['partition'] {
  if (healing === undefined) return undefined;
  const seconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1000);
  return { ringSeconds: seconds(healing.ring), recordsSeconds: seconds(healing.records) };
}

function flashReport({ options, flashJoinedIn }: Scenario): Report['flashJoin'] {
  return { peers: options.flashJoin, seconds: flashJoinedIn === undefined ? undefined : flashJoinedIn / 1000 };
}

function maliciousReport({ options, population }: Scenario): Report['malicious'] {
  if (Object.keys(options.malicious).length === 0) return undefined;
  const counts: Record<string, number> = {};
  for (const { mischief } of population.peers) {
    if (mischief !== undefined) counts[mischief.vice] = (counts[mischief.vice] ?? 0) + 1;
  }
  return counts;
}

function rounded(value: number, digits = 2): number {
  return Number(value.toFixed(digits));
}
