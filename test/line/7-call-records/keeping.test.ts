import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Budgets } from '#gateway/budgets.ts';
import type { CallRecord } from '#gateway/call-record.ts';
import { CallRecords } from '#gateway/call-records.ts';
import { maskNumbers } from '#gateway/mask-numbers.ts';
import { utf8 } from '#platform/bytes.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import type { KeyValueNamespace } from '#store/key-value-store.ts';
import { openLmdbStore, readLmdbStore } from '#store/lmdb-store.ts';
import { memoryStore } from '#store/memory-store.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { callRecord } from './record.ts';

const DAY = 86_400_000;
const NONE = { calls_per_hour: undefined, minutes_per_day: undefined };

async function open(clock: VirtualClock, records: KeyValueNamespace, settings: object = {}) {
  const budgets = new Budgets({ clock }, { caller: { ...NONE, calls_at_once: 10 }, total: NONE, lines: new Map() });
  const deps = { clock, random: systemRandom, log: silentLogger, records, budgets };
  const book = new CallRecords(deps, { limit: 10_000, days: 365, numbers: 'full', ...settings });
  await book.start();
  return { book, budgets };
}

const found = async (book: CallRecords, count = 1000) => (await book.find({ count })).calls;

describe('call records in the database', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'copperring-records-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('are converted when an older program wrote them, and what nobody can read is removed', async () => {
    const old = await openLmdbStore(directory, { migrations: [] });
    const times = { startedAt: 1_795_385_150_801, endedAt: 1_795_385_159_294 };
    const rows = [
      {
        direction: 'to-line',
        caller: 'q1@home.example',
        callee: '+1',
        ...times,
        answeredAt: 1_795_385_156_267,
        end: 'phone: hung up',
      },
      { direction: 'to-line', caller: 'q1@home.example', callee: '+1', ...times, end: 'line: busy' },
      { direction: 'to-line', caller: 'q1@home.example', callee: '+1', ...times, end: 'line: no-dial-tone' },
      { direction: 'from-line', caller: 'withheld', callee: 'bob', ...times, end: 'line: caller gave up' },
    ];
    await old.namespace('calls').update((transaction) => {
      for (const [i, row] of rows.entries()) transaction.put(`00${times.startedAt}-${i}`, utf8(JSON.stringify(row)));
      transaction.put(`00${times.startedAt}-9`, utf8('{"direction":'));
    });
    await old.close();
    await expect(readLmdbStore(directory)).rejects.toMatchObject({
      fault: { code: 'older-schema', found: 1, known: 2 },
    });

    const store = await openLmdbStore(directory);
    const { book } = await open(new VirtualClock(times.endedAt), store.namespace('calls'));
    expect((await found(book)).map(({ outcome, answer, cause, line }) => [outcome, answer, cause, line])).toEqual([
      ['missed', 'none', 19, ''],
      ['failed', 'none', 31, ''],
      ['busy', 'none', 17, ''],
      ['answered', 'inferred', 16, ''],
    ]);
    await store.close();
    await (await readLmdbStore(directory)).close();
  });

  it('are written once a call, also when old ones go', async () => {
    const store = memoryStore().namespace('calls');
    let writes = 0;
    const counting: KeyValueNamespace = {
      get: (key) => store.get(key),
      keys: (prefix, options) => store.keys(prefix, options),
      update: (change) => {
        writes++;
        return store.update(change);
      },
    };
    const clock = new VirtualClock();
    const { book } = await open(clock, counting, { limit: 10 });
    writes = 0;
    for (let i = 0; i < 25; i++) await book.add(callRecord({ startedAt: clock.now() + i }));
    expect(writes).toBe(25);
    expect(await found(book)).toHaveLength(10);
    book.stop();
  });

  it('go when they are older than the days they are kept, whether or not anybody calls', async () => {
    const clock = new VirtualClock();
    const { book } = await open(clock, memoryStore().namespace('calls'), { days: 30 });
    for (let day = 0; day < 5; day++) {
      await book.add(callRecord({ startedAt: clock.now() }));
      await clock.advance(DAY);
    }
    expect(await found(book)).toHaveLength(5);
    await clock.advance(26.5 * DAY);
    expect(await found(book)).toHaveLength(3);
    await clock.advance(30 * DAY);
    expect(await found(book)).toHaveLength(0);
    book.stop();
  });

  it('go when they are deleted, all or the older ones, in pieces', async () => {
    const clock = new VirtualClock();
    const { book } = await open(clock, memoryStore().namespace('calls'));
    const now = clock.now();
    for (let i = 0; i < 1200; i++) await book.add(callRecord({ startedAt: now - i * 60_000 }));
    expect(await book.deleteBefore(now - 100 * 60_000)).toBe(1099);
    expect(await found(book)).toHaveLength(101);
    expect(await book.deleteBefore(now + DAY)).toBe(101);
    expect(await found(book)).toHaveLength(0);
    book.stop();
  });

  it('keep what the owner wants of numbers and names, and always enough for the budgets', async () => {
    const inward = callRecord({
      direction: 'from-line',
      caller: '+4930123456',
      callerName: 'Erika',
      callee: 'bob@home.example',
    });
    const outward = callRecord({ callee: '+4930123456' });
    const shown = (record: CallRecord) => [record.caller, record.callerName, record.callee];
    expect(shown(maskNumbers(inward, 'full'))).toEqual(['+4930123456', 'Erika', 'bob@home.example']);
    expect(shown(maskNumbers(inward, 'masked'))).toEqual(['+493012xxxx', undefined, 'bob@home.example']);
    expect(shown(maskNumbers(inward, 'none'))).toEqual(['not kept', undefined, 'bob@home.example']);
    expect(shown(maskNumbers(outward, 'masked'))).toEqual([outward.caller, undefined, '+493012xxxx']);
    expect(maskNumbers({ ...inward, caller: 'withheld' }, 'none').caller).toBe('withheld');

    const clock = new VirtualClock();
    const records = memoryStore().namespace('calls');
    const startedAt = clock.now() - 60_000;
    const { book } = await open(clock, records, { numbers: 'none' });
    await book.add({ ...outward, startedAt, answeredAt: startedAt, endedAt: clock.now() });
    book.stop();
    const raw = Array.from(records.keys('')).map((key) => new TextDecoder().decode(records.get(key)));
    expect(raw.join()).not.toContain('30123456');
    const again = await open(clock, records, { numbers: 'none' });
    expect(again.budgets.usage(outward.caller)).toEqual({ callsLastHour: 1, minutesLastDay: 1 });
    again.book.stop();
  });
});
