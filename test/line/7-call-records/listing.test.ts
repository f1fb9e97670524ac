import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CallsOptions, callsCommand, deleteCallsCommand } from '#cli/calls.ts';
import { Budgets } from '#gateway/budgets.ts';
import type { CallRecord } from '#gateway/call-record.ts';
import { CallRecords } from '#gateway/call-records.ts';
import { ControlServer, controlPath } from '#gateway/control.ts';
import { answerControl, type Controlled } from '#gateway/control-commands.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { openLmdbStore } from '#store/lmdb-store.ts';
import { callRecord } from './record.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const NONE = { calls_per_hour: undefined, minutes_per_day: undefined };
/** Noon of today, so that days are whole ones wherever this runs. */
const NOON = new Date().setHours(12, 0, 0, 0);

const written: readonly CallRecord[] = [
  callRecord({ startedAt: NOON - 5 * DAY }),
  callRecord({
    startedAt: NOON - 3 * DAY,
    direction: 'from-line',
    caller: '+4930999888',
    callerName: 'Erika',
    outcome: 'missed',
    answeredAt: undefined,
  }),
  callRecord({
    startedAt: NOON - 2 * DAY,
    direction: 'from-line',
    caller: 'withheld',
    outcome: 'voice-mail',
    answer: 'real',
  }),
  callRecord({ startedAt: NOON - DAY, line: 'office', callee: '112', emergency: true }),
  callRecord({
    startedAt: NOON - DAY + MINUTE,
    outcome: 'refused',
    line: '',
    answer: 'none',
    answeredAt: undefined,
    caller: 'bob@home.example',
  }),
  callRecord({
    startedAt: NOON - 2 * MINUTE,
    direction: 'from-line',
    caller: '+4930999888',
    callerName: '=1+1;"x",\n\x1b[31m',
    outcome: 'blocked',
  }),
];

let state: string;

/** Works on the records as the node does. */
async function withRecords<T>(use: (records: CallRecords) => Promise<T>): Promise<T> {
  const store = await openLmdbStore(join(state, 'db'));
  const budgets = new Budgets(
    { clock: systemClock },
    { caller: { ...NONE, calls_at_once: 9 }, total: NONE, lines: new Map() },
  );
  const deps = {
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    records: store.namespace('calls'),
    budgets,
  };
  const records = new CallRecords(deps, { limit: 10_000, days: 365, numbers: 'full' });
  await records.start();
  try {
    return await use(records);
  } finally {
    records.stop();
    await store.close();
  }
}

/** Does so while the node answers at its control socket. */
function withNode<T>(use: () => Promise<T>): Promise<T> {
  return withRecords(async (records) => {
    const member = { findCalls: records.find.bind(records), deleteCalls: records.deleteBefore.bind(records) };
    const controlled = { member } as unknown as Controlled;
    const server = new ControlServer(controlPath(state), (request) => answerControl(controlled, request));
    await server.start();
    try {
      return await use();
    } finally {
      await server.stop();
    }
  });
}

async function list(options: CallsOptions): Promise<readonly string[]> {
  const lines: string[] = [];
  await callsCommand({ environment: {}, print: (line) => lines.push(line) }, { state, ...options });
  return lines;
}

async function listed(options: CallsOptions): Promise<readonly number[]> {
  return (await list({ ...options, json: true })).map((line) =>
    written.findIndex(({ startedAt }) => startedAt === JSON.parse(line).startedAt),
  );
}

beforeAll(async () => {
  state = await mkdtemp(join(tmpdir(), 'copperring-calls-'));
  await withRecords(async (records) => {
    for (const record of written) await records.add(record);
  });
});
afterAll(() => rm(state, { recursive: true }));

function localDay(ms: number): string {
  const date = new Date(ms);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

describe('copperring calls', () => {
  it('lists the newest first, in local time, with what strangers told made harmless', async () => {
    const lines = await list({});
    expect(lines).toHaveLength(6);
    expect(lines[5]).toMatch(
      new RegExp(
        `^${localDay(NOON - 5 * DAY)} \\d\\d:00:00 [+-]\\d\\d:\\d\\d  out  answered    alice@home\\.example -> \\+4930123456  line  1:00  phone: hung up$`,
      ),
    );
    expect(lines[4]).toMatch(/ in {3}missed {6}\+4930999888 \(Erika\) -> /);
    expect(lines[2]).toMatch(/ EMERGENCY {2}alice@home\.example -> 112 {2}office /);
    expect(lines[0]).not.toContain('\x1b');
    expect([...lines.join('')].filter((character) => character < ' ')).toEqual([]);
  });

  it.each<[CallsOptions, readonly number[]]>([
    [{ count: '2' }, [5, 4]],
    [{ direction: 'in' }, [5, 2, 1]],
    [{ direction: 'out' }, [4, 3, 0]],
    [{ missed: true }, [2, 1]],
    [{ outcome: 'refused,blocked' }, [5, 4]],
    [{ caller: '999' }, [5, 1]],
    [{ caller: 'ERIKA' }, [1]],
    [{ callee: '112' }, [3]],
    [{ line: 'office' }, [3]],
    [{ since: localDay(NOON - 2 * DAY), until: localDay(NOON - DAY) }, [2]],
    [{ since: localDay(NOON - DAY) }, [5, 4, 3]],
    [{ since: new Date(NOON - DAY + 1).toISOString() }, [5, 4]],
    [{ all: true, count: '1' }, [5, 4, 3, 2, 1, 0]],
  ])('finds by %j, with and without a running node', async (options, expected) => {
    expect(await listed(options)).toEqual(expected);
    expect(await withNode(() => listed(options))).toEqual(expected);
  });

  it('prints JSON that is the record, and CSV that a spreadsheet can neither misread nor run', async () => {
    const [first] = await list({ json: true, line: 'office' });
    expect(JSON.parse(first ?? '')).toEqual(JSON.parse(JSON.stringify(written[3])));
    const [header, ...rows] = await list({ csv: true });
    expect(header).toBe(
      'started,answered,ended,seconds,direction,line,caller,caller_name,callee,outcome,answer,end,cause,emergency',
    );
    expect(rows).toHaveLength(6);
    expect(rows[0]).toContain(`,+4930999888,"'=1+1;""x"",  [31m",`);
    expect(rows[4]).toBe(
      `${new Date(NOON - 3 * DAY).toISOString()},,${new Date(NOON - 3 * DAY + 65_000).toISOString()},0,from-line,line,+4930999888,Erika,+4930123456,missed,inferred,phone: hung up,16,no`,
    );
    expect(rows[2]).toMatch(/,yes$/);
    for (const row of rows) expect(row).not.toMatch(/[\r\n]/);
  });

  it('says what is wrong with an option, and where there is nothing to read', async () => {
    await expect(list({ count: '0' })).rejects.toThrow('--count: give a number from 1 to 1000');
    await expect(list({ since: 'yesterday' })).rejects.toThrow('--since: give a day');
    await expect(list({ outcome: 'lost' })).rejects.toThrow('answered, missed, busy');
    await expect(list({ direction: 'up' })).rejects.toThrow('to-line, from-line');
    await expect(list({ state: join(state, 'nowhere') })).rejects.toThrow('there is no database');
  });

  it('reads all of thousands by pages', async () => {
    const many = await mkdtemp(join(tmpdir(), 'copperring-many-'));
    const before = state;
    state = many;
    try {
      await withRecords(async (records) => {
        const adding = Array.from({ length: 2500 }, (_, i) =>
          records.add(callRecord({ startedAt: NOON - i * MINUTE })),
        );
        await Promise.all(adding);
      });
      const offline = await list({ all: true, json: true });
      expect(offline).toHaveLength(2500);
      expect(new Set(offline).size).toBe(2500);
      expect(await withNode(() => list({ all: true, json: true }))).toEqual(offline);
    } finally {
      state = before;
      await rm(many, { recursive: true });
    }
  });

  it('deletes when asked to, and only by the running node', async () => {
    const removed: string[] = [];
    const remove = (options: object) =>
      deleteCallsCommand({ environment: {}, print: (line) => removed.push(line) }, { state, ...options });
    await expect(remove({ all: true })).rejects.toMatchObject({ fault: { code: 'not-running' } });
    await expect(remove({})).rejects.toThrow('give --older-than DAYS or --all');
    await withNode(async () => {
      await remove({ olderThan: '4' });
      expect(await listed({})).toEqual([5, 4, 3, 2, 1]);
      await remove({ all: true, json: true });
      expect(await listed({})).toEqual([]);
    });
    expect(removed).toEqual(['1 call records deleted', '{"deleted":5}']);
  });
});
