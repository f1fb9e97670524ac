import { describe, expect, it } from 'vitest';
import { type BudgetOptions, Budgets } from '#gateway/budgets.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { ALICE, BOB, dialling, outboundGateway, placed } from './outbound.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NONE = { calls_per_hour: undefined, minutes_per_day: undefined };

function budgets(options: Partial<BudgetOptions>) {
  const clock = new VirtualClock();
  const all = { caller: { ...NONE, calls_at_once: 10 }, total: NONE, lines: new Map(), ...options };
  return { clock, book: new Budgets({ clock }, all) };
}

/** A call in progress, answered at once, and why it was ended if it was. */
function talk(book: Budgets, caller: string, line = 'a') {
  const ends: string[] = [];
  const spending = book.begin(caller, line, (why) => {
    ends.push(why);
    spending.ended();
  });
  spending.answered();
  return { spending, ends };
}

describe('budgets', () => {
  it('count attempts within the last hour, answered or not, and free them again after it', async () => {
    const { clock, book } = budgets({ caller: { ...NONE, calls_per_hour: 2, calls_at_once: 10 } });
    for (let i = 0; i < 2; i++) {
      expect(book.refusal(ALICE, 'a')).toBeUndefined();
      book.begin(ALICE, 'a', () => {}).ended();
      await clock.advance(10 * MINUTE);
    }
    expect(book.refusal(ALICE, 'a')).toMatchObject({ status: 403, phrase: 'Call Limit Reached' });
    expect(book.refusal(ALICE, 'b')).toMatchObject({ status: 403 });
    expect(book.refusal(BOB, 'a')).toBeUndefined();
    await clock.advance(HOUR - 20 * MINUTE + 1000);
    expect(book.refusal(ALICE, 'a')).toBeUndefined();
  });

  it('say of a limit of the line or of the gateway when it is worth asking again, and that others may be asked', async () => {
    const limit = { calls_per_hour: 1, minutes_per_day: 5 };
    for (const options of [{ total: limit }, { lines: new Map([['a', limit]]) }]) {
      const { clock, book } = budgets(options);
      book.begin(ALICE, 'a', () => {}).ended();
      await clock.advance(20 * MINUTE);
      const refusal = book.refusal(BOB, 'a');
      expect(refusal).toMatchObject({ status: 503, retryAfterSeconds: 40 * 60 });
      await clock.advance((refusal?.retryAfterSeconds ?? 0) * 1000);
      expect(book.refusal(BOB, 'a')).toBeUndefined();
    }
    const { book } = budgets({ lines: new Map([['a', limit]]) });
    book.begin(ALICE, 'a', () => {}).ended();
    expect(book.refusal(BOB, 'b')).toBeUndefined();
  });

  it('end a call when the minutes of the day are used up, those of calls before counted', async () => {
    const { clock, book } = budgets({ caller: { ...NONE, minutes_per_day: 30, calls_at_once: 10 } });
    const now = clock.now();
    book.remember({
      caller: ALICE,
      line: 'a',
      startedAt: now - HOUR,
      answeredAt: now - HOUR,
      endedAt: now - 40 * MINUTE,
    });
    const { ends } = talk(book, ALICE);
    await clock.advance(10 * MINUTE - 1000);
    expect(ends).toEqual([]);
    await clock.advance(2000);
    expect(ends).toEqual(['the minutes of the caller are used up']);
    expect(book.refusal(ALICE, 'a')).toMatchObject({ phrase: 'Time Limit Reached' });
    await clock.advance(24 * HOUR);
    expect(book.refusal(ALICE, 'a')).toBeUndefined();
  });

  it('share what is left among calls that go on at the same time', async () => {
    const { clock, book } = budgets({ total: { ...NONE, minutes_per_day: 30 } });
    const first = talk(book, ALICE);
    await clock.advance(10 * MINUTE);
    const second = talk(book, BOB, 'b');
    await clock.advance(10 * MINUTE - 1000);
    expect([first.ends, second.ends]).toEqual([[], []]);
    await clock.advance(2000);
    expect([first.ends.length, second.ends.length]).toEqual([1, 1]);
  });

  it('limit the calls that one caller has at the same time', () => {
    const { book } = budgets({ caller: { ...NONE, calls_at_once: 2 } });
    const first = talk(book, ALICE);
    talk(book, ALICE);
    expect(book.refusal(ALICE, 'a')).toMatchObject({ status: 403, phrase: 'Too Many Calls At Once' });
    expect(book.refusal(BOB, 'a')).toBeUndefined();
    first.spending.ended();
    expect(book.refusal(ALICE, 'a')).toBeUndefined();
  });

  it('do not count what was a day ago, and count a call that still goes on however long ago it began', async () => {
    const { clock, book } = budgets({ total: { ...NONE, minutes_per_day: 100 * 60 } });
    const { spending } = talk(book, ALICE);
    await clock.advance(30 * HOUR);
    expect(book.usage(ALICE)).toEqual({ callsLastHour: 0, minutesLastDay: 30 * 60 });
    spending.ended();
    expect(book.usage(ALICE).minutesLastDay).toBe(0);
  });
});

describe('budgets of a gateway', () => {
  it('end the call on both sides, and say why in the record', async () => {
    const gw = outboundGateway([{}], { minutes_per_day: 1 });
    const attempt = placed(gw, gw.phone(ALICE), '+4930123456');
    const line = (await dialling(gw, gw.line)).answer();
    const call = await gw.clock.run(attempt.call);
    await gw.clock.advance(59_000);
    expect(line.isOver).toBe(false);
    await gw.clock.advance(2000);
    expect(await gw.clock.run(call.ended)).toMatchObject({ by: 'remote' });
    expect(line.isOver).toBe(true);
    const end = 'stopped: the minutes of the caller are used up';
    expect(await gw.over()).toMatchObject({ outcome: 'answered', end });
  });

  it('bound how many numbers one can try, and tell when a whole line has had enough', async () => {
    const gw = outboundGateway([{ dial_plan: { total_calls_per_hour: 3 } }], { calls_per_hour: 2 });
    const alice = gw.phone(ALICE);
    for (let i = 0; i < 2; i++) {
      const attempt = placed(gw, alice, `+493012345${i}`);
      (await dialling(gw, gw.line, i)).fail({ code: 'special-information' });
      expect(await attempt.outcome()).toBe(404);
    }
    expect(await placed(gw, alice, '+49301234599').outcome()).toBe(403);
    const bob = gw.phone(BOB);
    const third = placed(gw, bob, '+4930123456');
    (await dialling(gw, gw.line, 2)).fail({ code: 'busy' });
    await third.outcome();
    expect(await placed(gw, bob, '+4930123456').outcome()).toBe(503);
    expect(gw.line.diallings).toHaveLength(3);
  });
});
