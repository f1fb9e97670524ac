import { describe, expect, it } from 'vitest';
import { CallRecords } from '#gateway/call-records.ts';
import { systemRandom } from '#platform/random.ts';
import { memoryStore } from '#store/memory-store.ts';
import { VirtualClock } from '../simulation/virtual-clock.ts';

const MINUTE = 60_000;

function open(clock: VirtualClock, store = memoryStore(), limit = 100) {
  const records = new CallRecords({ clock, random: systemRandom, records: store.namespace('calls') }, limit);
  records.load();
  return { records, store };
}

async function call(records: CallRecords, clock: VirtualClock, minutes: number, caller = 'alice@home.example') {
  const begun = records.begin(caller);
  const startedAt = clock.now();
  await clock.advance(minutes * MINUTE);
  await records.add(
    {
      direction: 'to-line',
      caller,
      callee: '+1',
      startedAt,
      answeredAt: startedAt,
      endedAt: clock.now(),
      line: 'line',
      callerName: undefined,
      outcome: 'answered',
      answer: 'real',
      end: 'local',
      cause: 16,
    },
    begun,
  );
}

describe('call records', () => {
  it('count calls of the last hour and minutes of the last day for each caller', async () => {
    const clock = new VirtualClock();
    const { records } = open(clock);
    await call(records, clock, 10);
    await call(records, clock, 20);
    await call(records, clock, 5, 'bob@home.example');
    expect(records.usage('alice@home.example')).toEqual({ callsLastHour: 2, minutesLastDay: 30 });
    await clock.advance(40 * MINUTE);
    expect(records.usage('alice@home.example')).toEqual({ callsLastHour: 0 + 0, minutesLastDay: 30 });
    await clock.advance(24 * 60 * MINUTE);
    expect(records.usage('alice@home.example')).toEqual({ callsLastHour: 0, minutesLastDay: 0 });
  });

  it('count a call from its start, before it has ended', () => {
    const { records } = open(new VirtualClock());
    records.begin('alice@home.example');
    expect(records.usage('alice@home.example').callsLastHour).toBe(1);
  });

  it('renew nobody’s allowance at a restart', async () => {
    const clock = new VirtualClock();
    const { records, store } = open(clock);
    await call(records, clock, 10);
    const again = open(clock, store).records;
    expect(again.usage('alice@home.example')).toEqual({ callsLastHour: 1, minutesLastDay: 10 });
    expect(again.latest(5)).toMatchObject([{ caller: 'alice@home.example', end: 'local' }]);
  });

  it('keep the latest ones only', async () => {
    const clock = new VirtualClock();
    const { records } = open(clock, memoryStore(), 3);
    for (let i = 0; i < 6; i++) await call(records, clock, 1, `user${i}`);
    expect(records.latest(10).map(({ caller }) => caller)).toEqual(['user5', 'user4', 'user3']);
  });
});
