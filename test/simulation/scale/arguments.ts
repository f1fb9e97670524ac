import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { Latency } from '../memory-network.ts';
import { DEFAULT_LATENCY, type ScenarioOptions, VICES, type Vice } from './options.ts';

const MOST_PEERS = 20_000;
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: MINUTE, h: 60 * MINUTE };

export interface Arguments {
  readonly scenario: ScenarioOptions;
  readonly json: boolean;
  readonly svg: string | undefined;
  readonly sweep: boolean;
  readonly measure: boolean;
}

interface Values {
  readonly peers: number;
  readonly seed: string;
  readonly minutes: number;
  readonly records?: number;
  readonly lookups?: number;
  readonly signatures: 'keyed' | 'ecdsa';
  readonly links: 'stream' | 'datagram';
  readonly latency: Latency;
  readonly loss: number;
  readonly duplicate: number;
  readonly reorder: number;
  readonly churn?: number;
  readonly crashShare: number;
  readonly partition?: { readonly at: number; readonly lasts: number };
  readonly flashJoin: number;
  readonly skew: number;
  readonly malicious: Readonly<Partial<Record<Vice, number>>>;
  readonly json?: true;
  readonly svg?: string;
  readonly sweep?: true;
  readonly measure?: true;
}

/** Reads the command line. Undefined when there is nothing to run: help was asked for, or a fault was told on stderr. */
export function readArguments(argv: readonly string[]): Arguments | number {
  const command = program();
  try {
    command.parse(argv, { from: 'user' });
    return argumentsOf(command.opts<Values>());
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

function program(): Command {
  return new Command('simulate')
    .description(
      'Runs a whole ring of real nodes on a simulated network in virtual time, and reports what became of it.',
    )
    .exitOverride()
    .option('--peers <n>', `peers of the ring, 2 to ${MOST_PEERS}`, whole(2, MOST_PEERS), 100)
    .option('--seed <text>', 'the same seed gives the same run', '1')
    .option('--minutes <n>', 'virtual length of the measured phase', number(0.1, 7 * 24 * 60), 5)
    .option('--records <n>', 'records to store; by default one for each peer, 2000 at most', whole(1, 100_000))
    .option(
      '--lookups <n>',
      'lookups in the measured phase; by default two for each peer, 10000 at most',
      whole(1, 1_000_000),
    )
    .addOption(
      new Option('--signatures <kind>', 'keyed hashes, or real certificates and signatures')
        .choices(['keyed', 'ecdsa'])
        .default('keyed'),
    )
    .option(
      '--latency <distribution>',
      'one way, in ms: uniform:MIN-MAX or lognormal:MEDIAN:SIGMA',
      latency,
      DEFAULT_LATENCY,
    )
    .addOption(
      new Option('--links <kind>', 'as over TLS, or over datagrams, which are cut, acknowledged and sent again')
        .choices(['stream', 'datagram'])
        .default('stream'),
    )
    .option('--loss <share>', 'packets that are lost and have to be sent again, for example 1%', share(0.5), 0)
    .option('--duplicate [share]', 'packets that arrive twice; 1% when no share is given', optionalShare, 0)
    .option('--reorder [share]', 'packets that others overtake; 1% when no share is given', optionalShare, 0)
    .option(
      '--churn <lifetime>',
      'mean lifetime of a peer, for example 30m; newcomers take the places',
      duration(1000, 365 * DAY),
    )
    .option('--crash-share <share>', 'part of those that go without a word; the others say Leave', share(1), 1)
    .option('--partition <at:for>', 'halves that do not reach each other, for example 1m:3m', partition)
    .option('--flash-join <n>', 'newcomers that all join at once', whole(0, MOST_PEERS), 0)
    .option('--skew <time>', 'clocks stand up to so much before or behind', duration(0, DAY), 0)
    .option(
      '--malicious <vices>',
      `shares of dishonest peers, for example drop:5%,lie:1%; of ${VICES.join(', ')}`,
      vices,
      {},
    )
    .option('--json', 'the report as JSON on stdout, the same for the same arguments')
    .option('--svg <file>', 'draws the ring and the hops of lookups, or with --sweep the maintenance traffic')
    .option('--sweep', 'runs rings of growing size and churn in place of one ring, and tells their maintenance traffic')
    .option('--measure', 'tells on stderr what the run took of time and memory');
}

function argumentsOf(values: Values): Arguments {
  const { peers, minutes, churn, partition } = values;
  const duration = Math.round(minutes * MINUTE);
  if (partition !== undefined && partition.at + partition.lasts > duration)
    throw new Error('the partition has to end within the measured phase: give more --minutes');
  const scenario: ScenarioOptions = {
    peers,
    seed: values.seed,
    duration,
    records: values.records ?? Math.min(peers, 2000),
    lookups: values.lookups ?? Math.min(2 * peers, 10_000),
    signatures: values.signatures,
    links: values.links,
    latency: values.latency,
    loss: values.loss,
    duplicate: values.duplicate,
    reorder: values.reorder,
    churn,
    crashShare: values.crashShare,
    partition,
    flashJoin: values.flashJoin,
    skew: values.skew,
    malicious: values.malicious,
  };
  const { json = false, sweep = false, measure = false, svg } = values;
  return { scenario, json, sweep, measure, svg };
}

function number(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value) || value < least || value > most)
      throw new InvalidArgumentError(`It has to be a number from ${least} to ${most}.`);
    return value;
  };
}

function whole(least: number, most: number) {
  return (text: string): number => {
    const value = number(least, most)(text);
    if (!Number.isInteger(value)) throw new InvalidArgumentError('It has to be a whole number.');
    return value;
  };
}

function share(most: number) {
  return (text: string): number => {
    const value = /^[\d.]+%$/.test(text) ? Number(text.slice(0, -1)) / 100 : Number(text);
    if (text === '' || !Number.isFinite(value) || value < 0 || value > most)
      throw new InvalidArgumentError(`It has to be a share up to ${100 * most}%, like 1% or 0.01.`);
    return value;
  };
}

function optionalShare(text: string | undefined): number {
  return text === undefined ? 0.01 : share(0.5)(text);
}

function time(text: string): number | undefined {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  const factor = unit === undefined ? undefined : UNITS[unit];
  return factor === undefined ? undefined : Math.round(Number(digits) * factor);
}

function duration(least: number, most: number) {
  return (text: string): number => {
    const value = text === '0' ? 0 : time(text);
    if (value === undefined || value < least || value > most)
      throw new InvalidArgumentError('It has to be a time with its unit, like 500ms, 30s, 30m or 2h.');
    return value;
  };
}

function partition(text: string): { readonly at: number; readonly lasts: number } {
  const [at, lasts, ...rest] = text.split(':').map(time);
  if (at === undefined || lasts === undefined || lasts === 0 || rest.length > 0)
    throw new InvalidArgumentError('It has to be two times, like 1m:3m.');
  return { at, lasts };
}

function latency(text: string): Latency {
  const uniform = /^uniform:(\d{1,5})-(\d{1,5})$/.exec(text)?.slice(1).map(Number);
  const lognormal = /^lognormal:(\d{1,5}):(\d(?:\.\d+)?)$/.exec(text)?.slice(1).map(Number);
  if (uniform?.[0] !== undefined && uniform[1] !== undefined && uniform[0] <= uniform[1])
    return { min: uniform[0], max: uniform[1] };
  if (lognormal?.[0] !== undefined && lognormal[1] !== undefined)
    return { median: lognormal[0], sigma: lognormal[1], max: 20 * lognormal[0] };
  throw new InvalidArgumentError('It has to be like uniform:5-25 or lognormal:40:0.6.');
}

function vices(text: string): Readonly<Partial<Record<Vice, number>>> {
  const found: Partial<Record<Vice, number>> = {};
  for (const part of text.split(',')) {
    const [name, of = ''] = part.split(':');
    const vice = VICES.find((known) => known === name);
    if (vice === undefined) throw new InvalidArgumentError(`There are ${VICES.join(', ')}, and not "${name}".`);
    found[vice] = share(0.5)(of);
  }
  if (Object.values(found).reduce((sum, of) => sum + of, 0) > 0.5)
    throw new InvalidArgumentError('More than half of the peers would be dishonest.');
  return found;
}
