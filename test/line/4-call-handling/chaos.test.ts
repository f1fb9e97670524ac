import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../simulation/seeded-random.ts';
import { Chaos } from './chaos.ts';

const SEEDS = Array.from(
  { length: Number(process.env.CHAOS_SEEDS ?? 12) },
  (_, i) => i + Number(process.env.CHAOS_FROM ?? 1),
);
const STEPS = 150;

describe('whatever callers, phones, lines and the owner do in whatever order', () => {
  it.each(SEEDS)('every call ends, has one record, and leaves nothing behind (seed %i)', async (seed) => {
    const chaos = new Chaos(new SeededRandom(`chaos ${seed}`));
    const { gw } = chaos;
    for (let i = 0; i < STEPS; i++) await chaos.step();
    await chaos.end();

    expect(gw.calls.list.map(({ info, state }) => ({ ...info, state }))).toEqual([]);
    expect(gw.lines.map(({ status }) => status.state)).toEqual(['idle', 'idle', 'idle']);
    expect(gw.logged.filter((entry) => entry.includes('"level":"error"'))).toEqual([]);
    // Every leg by SIP is over too.
    await gw.clock.advance(300_000);
    expect(gw.medias.filter(({ isClosed }) => !isClosed)).toHaveLength(0);

    // One end of each call, and a record of each; second legs have their own.
    const told = gw.events.flatMap((event) => (event.event === 'call' ? [event] : []));
    const ids = [...new Set(told.map(({ id }) => id))];
    const ends = told.filter(({ outcome }) => outcome !== undefined);
    expect(ends.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(ids);
    const { calls } = await gw.records.find({ count: 1000 });
    const free = gw.logged.filter((entry) => entry.includes('no longer recorded')).length;
    expect(calls.length).toBeGreaterThanOrEqual(free > 0 ? 1 : ids.length);
    for (const end of ends) expect(end.cause).toBeGreaterThan(0);
    for (const call of calls) expect(call.endedAt).toBeGreaterThanOrEqual(call.answeredAt ?? call.startedAt);

    console.log(calls.map((c) => `${c.line} ${c.direction} ${c.outcome} ${c.end}`).join('\n'));
    // Nobody's time goes on running, and no sound.
    const used = () => [...new Set(calls.map(({ caller }) => caller))].map((who) => gw.accounting.budgets.usage(who));
    const before = used().map(({ minutesLastDay }) => minutesLastDay);
    const { fired } = gw.clock;
    await gw.clock.advance(600_000);
    expect(used().map(({ minutesLastDay }) => minutesLastDay)).toEqual(before);
    // Connections are kept alive, but no sound is played any more, 50 pieces a second.
    expect(gw.clock.fired - fired).toBeLessThan(5000);
    expect([...gw.events, ...gw.logged, ...calls].filter((one) => JSON.stringify(one).includes('271828'))).toEqual([]);
  });
});
