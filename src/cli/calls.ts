import { join } from 'node:path';
import { callsCsv } from '#cli/calls-csv.ts';
import { type ControlDeps, type ControlOptions, stateOf } from '#cli/control.ts';
import { CALLS_NAMESPACE, findCalls } from '#gateway/call-log.ts';
import { type CallPage, type CallQuery, MAX_PAGE, readCallQuery } from '#gateway/call-query.ts';
import { type CallRecord, callOutcomes } from '#gateway/call-record.ts';
import { controlPath, controlRequest } from '#gateway/control.ts';
import { systemClock } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import { printable } from '#platform/log.ts';
import { readLmdbStore } from '#store/lmdb-store.ts';

export interface CallsOptions extends ControlOptions {
  readonly csv?: boolean;
  readonly count?: string;
  readonly all?: boolean;
  readonly since?: string;
  readonly until?: string;
  readonly direction?: string;
  readonly outcome?: string;
  readonly missed?: boolean;
  readonly caller?: string;
  readonly callee?: string;
  readonly line?: string;
}

interface CallsFault {
  readonly code: 'bad-option';
  readonly option: string;
}

const DAY_MS = 86_400_000;

/** `copperring calls`: from the running node, else from its database. The newest come first. */
export async function callsCommand(deps: ControlDeps, options: CallsOptions): Promise<void> {
  const query = queryOf(options);
  const header = options.csv ? callsCsv.header : undefined;
  if (header !== undefined) deps.print(header);
  const print = printerOf(options);
  for await (const record of allCalls(await stateOf(deps, options), query, options.all === true)) {
    deps.print(print(record));
  }
}

/** `copperring calls delete`: resolves with the number of records deleted. The node has to run, since it alone writes its database. */
export async function deleteCallsCommand(
  deps: ControlDeps,
  options: ControlOptions & { readonly olderThan?: string; readonly all?: boolean },
): Promise<void> {
  const { olderThan, all = false } = options;
  if ((olderThan === undefined) === !all) throw badOption('--older-than', 'give --older-than DAYS or --all');
  const before = all
    ? systemClock.now() + DAY_MS
    : systemClock.now() - number('--older-than', olderThan, 36_500) * DAY_MS;
  const path = controlPath(await stateOf(deps, options));
  const answer = await controlRequest(path, { command: 'delete-calls', before: Math.floor(before) });
  const { deleted } = answer as { deleted: number };
  deps.print(options.json ? JSON.stringify({ deleted }) : `${deleted} call records deleted`);
}

async function* allCalls(state: string, query: CallQuery, all: boolean): AsyncGenerator<CallRecord> {
  const source = await sourceOf(state);
  try {
    let page = all ? { ...query, count: MAX_PAGE } : query;
    for (;;) {
      const { calls, next } = await source.find(page);
      yield* calls;
      if (!all || next === undefined) return;
      page = { ...page, after: next };
    }
  } finally {
    await source.close();
  }
}

interface Source {
  find(query: CallQuery): Promise<CallPage>;
  close(): Promise<void>;
}

async function sourceOf(state: string): Promise<Source> {
  const path = controlPath(state);
  try {
    await controlRequest(path, { command: 'calls', count: 1 });
    return {
      find: async (query) => (await controlRequest(path, { command: 'calls', ...query })) as CallPage,
      close: async () => {},
    };
  } catch (thrown) {
    if (!(thrown instanceof Failure) || thrown.code !== 'not-running') throw thrown;
  }
  const store = await readLmdbStore(join(state, 'db'));
  const records = store.namespace(CALLS_NAMESPACE);
  return { find: (query) => findCalls(records, query, systemClock.now()), close: () => store.close() };
}

function queryOf(options: CallsOptions): CallQuery {
  const { count = '20', since, until, direction, outcome, missed, caller, callee, line } = options;
  if (outcome !== undefined && missed) throw badOption('--missed', 'give --missed or --outcome, not both');
  return readCallQuery({
    count: number('--count', count, MAX_PAGE),
    since: since === undefined ? undefined : time('--since', since),
    until: until === undefined ? undefined : time('--until', until),
    direction: direction === undefined ? undefined : (DIRECTIONS.get(direction) ?? direction),
    outcomes: missed ? ['missed', 'voice-mail'] : outcome?.split(','),
    caller,
    callee,
    line,
  });
}

const DIRECTIONS = new Map([
  ['in', 'from-line'],
  ['out', 'to-line'],
]);

function number(option: string, text: string | undefined, most: number): number {
  const value = Number(text);
  if (/^\d{1,9}$/.test(text ?? '') && value >= 1 && value <= most) return value;
  throw badOption(option, `give a number from 1 to ${most}`);
}

/** A day, or a moment, in local time unless it says otherwise. */
function time(option: string, text: string): number {
  // Without a time of day Date would take UTC.
  const ms = Date.parse(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00` : text);
  if (Number.isNaN(ms) || ms < 0) throw badOption(option, 'give a day such as 2026-11-23, or 2026-11-23T18:00');
  return ms;
}

function printerOf({ json, csv }: CallsOptions): (record: CallRecord) => string {
  if (csv) return callsCsv.row;
  return json ? (record) => JSON.stringify(record) : describe;
}

const WIDEST_OUTCOME = Math.max(...callOutcomes.map((outcome) => outcome.length));

/** One line for people: when, on which line, who called whom, what became of it. */
function describe(record: CallRecord): string {
  const { direction, line, caller, callerName, callee, startedAt, answeredAt, endedAt, outcome, emergency } = record;
  const name = callerName === undefined ? '' : ` (${printable(callerName)})`;
  const talked = answeredAt === undefined ? '' : `  ${duration(endedAt - answeredAt)}`;
  const way = direction === 'from-line' ? 'in ' : 'out';
  const urgent = emergency ? 'EMERGENCY  ' : '';
  return [
    `${localTime(startedAt)}  ${way}  ${outcome.padEnd(WIDEST_OUTCOME)}  ${urgent}`,
    `${printable(caller)}${name} -> ${printable(callee)}`,
    `${line === '' ? '' : `  ${line}`}${talked}  ${printable(record.end)}`,
  ].join('');
}

/** In the time zone of this machine, with its offset. */
function localTime(ms: number): string {
  const offset = -new Date(ms).getTimezoneOffset();
  const iso = new Date(ms + offset * 60_000).toISOString();
  const sign = offset < 0 ? '-' : '+';
  const two = (value: number) => String(Math.floor(Math.abs(value))).padStart(2, '0');
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} ${sign}${two(offset / 60)}:${two(offset % 60)}`;
}

function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

function badOption(option: string, wanted: string): Failure<CallsFault> {
  return new Failure<CallsFault>({ code: 'bad-option', option }, `${option}: ${wanted}`);
}
