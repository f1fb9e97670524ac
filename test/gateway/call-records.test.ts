import { describe, expect, it } from 'vitest';
import { Budgets } from '#gateway/budgets.ts';
import type { CallRecord } from '#gateway/call-record.ts';
import { CallRecords } from '#gateway/call-records.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { memoryStore } from '#store/memory-store.ts';
import { VirtualClock } from '../simulation/virtual-clock.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const ALICE = 'alice@home.example';

interface Settings {
  readonly store?: ReturnType<typeof memoryStore>;
  readonly limit?: number;
  readonly days?: number;
  readonly numbers?: 'full' | 'masked' | 'none';
}

async function open(clock: VirtualClock, settings: Settings = {}) {
  const { store = memoryStore(), limit = 100, days = 365, numbers = 'full' } = settings;
  const none = { calls_per_hour: undefined, minutes_per_day: undefined };
  const budgets = new Budgets({ clock }, { caller: { ...none, calls_at_once: 10 }, total: none, lines: new Map() });
  const deps = { clock, random: systemRandom, log: silentLogger, records: store.namespace('calls'), budgets };
  const records = new CallRecords(deps, { limit, days, numbers });
  await records.start();
  return { records, store, budgets };
}

function call(clock: VirtualClock, changes: Partial<CallRecord> = {}): CallRecord {
  const startedAt = clock.now() - 10 * MINUTE;
  return {
    ...{ direction: 'to-line', line: 'line', caller: ALICE, callerName: undefined, callee: '+4930123456' },
    ...{ startedAt, answeredAt: startedAt, endedAt: clock.now() },
    ...{ outcome: 'answered', answer: 'real', end: 'local', cause: 16 },
    ...changes,
  };
}

describe('call records', () => {
  it('tell the budgets at a restart what was used up before', async () => {
    const clock = new VirtualClock();
    const { records, store } = await open(clock);
    await records.add(call(clock));
    await records.add(call(clock, { outcome: 'refused', answeredAt: undefined }));
    await records.add(call(clock, { callee: '112', emergency: true }));
    const again = await open(clock, { store });
    expect(again.budgets.usage(ALICE)).toEqual({ callsLastHour: 1, minutesLastDay: 10 });
    expect((await again.records.find({ count: 5 })).calls).toHaveLength(3);
  });

  it('keep the latest ones only', async () => {
    const clock = new VirtualClock();
    const { records } = await open(clock, { limit: 3 });
    for (let i = 0; i < 6; i++) {
      await clock.advance(MINUTE);
      await records.add(call(clock, { caller: `user${i}` }));
    }
    const { calls } = await records.find({ count: 10 });
    expect(calls.map(({ caller }) => caller)).toEqual(['user5', 'user4', 'user3']);
  });

  it('are kept for so many days, with nobody calling', async () => {
    const clock = new VirtualClock();
    const { records } = await open(clock, { days: 2 });
    await records.add(call(clock));
    await clock.advance(DAY);
    expect((await records.find({ count: 1 })).calls).toHaveLength(1);
    await clock.advance(1.5 * DAY);
    expect((await records.find({ count: 1 })).calls).toHaveLength(0);
    records.stop();
  });
});
