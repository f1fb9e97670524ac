import { describe, expect, it } from 'vitest';
import type { CallRecord } from '#gateway/call-record.ts';
import { ALICE, BOB, dialling, outboundGateway, placed } from '../4-call-handling/outbound.ts';
import type { TestGateway } from '../4-call-handling/test-gateway.ts';

const NUMBER = '+4930123456';

/** The one record that a call left. */
async function onlyRecord(gateway: TestGateway): Promise<CallRecord> {
  await gateway.clock.runUntil(() => gateway.calls.list.length === 0);
  const { calls } = await gateway.records.find({ count: 10 });
  expect(calls).toHaveLength(1);
  return calls[0]!;
}

describe('every call that reached the gateway leaves exactly one record', () => {
  it('answered: with its times, its line, and how the answer became known', async () => {
    const gw = outboundGateway([{ name: 'kitchen' }]);
    const startedAt = gw.clock.now();
    const attempt = placed(gw, gw.phone(ALICE), NUMBER);
    const request = await dialling(gw, gw.line);
    await gw.clock.advance(3000);
    const line = request.answer();
    await gw.clock.run(attempt.call);
    await gw.clock.advance(60_000);
    line.end('busy-tone');
    const record = await onlyRecord(gw);
    expect(record).toMatchObject({
      ...{ direction: 'to-line', line: 'kitchen', caller: ALICE, callee: NUMBER },
      ...{ outcome: 'answered', answer: 'inferred', end: 'line: busy-tone', cause: 16 },
    });
    expect(record.emergency).toBeUndefined();
    expect(record.startedAt - startedAt).toBeLessThan(1000);
    expect(record.answeredAt! - record.startedAt).toBeGreaterThanOrEqual(3000);
    expect(record.endedAt - record.answeredAt!).toBeGreaterThanOrEqual(60_000);
    expect(record.endedAt - record.answeredAt!).toBeLessThan(61_000);
  });

  it.each([
    ['busy', 'busy', 17],
    ['no-answer', 'missed', 19],
    ['special-information', 'failed', 1],
    ['congestion', 'failed', 42],
    ['no-dial-tone', 'failed', 27],
  ] as const)('%s comes out as %s', async (code, outcome, cause) => {
    const gw = outboundGateway([{}]);
    const attempt = placed(gw, gw.phone(ALICE), NUMBER);
    (await dialling(gw, gw.line)).fail({ code });
    await attempt.outcome();
    expect(await onlyRecord(gw)).toMatchObject({ outcome, cause, end: `line: ${code}`, answer: 'none', line: 'line0' });
  });

  it('given up by the caller', async () => {
    const gw = outboundGateway([{}]);
    const giveUp = new AbortController();
    const attempt = placed(gw, gw.phone(ALICE), NUMBER, { signal: giveUp.signal });
    await dialling(gw, gw.line);
    giveUp.abort();
    await attempt.outcome();
    expect(await onlyRecord(gw)).toMatchObject({ outcome: 'missed', cause: 16 });
  });

  it.each<[string, object, string, Partial<CallRecord>]>([
    ['by the rules', { allow: [] }, NUMBER, { callee: NUMBER, cause: 21 }],
    ['abroad', { international: false }, '+33142345678', { end: 'international calls are not enabled' }],
    ['by a budget', { calls_per_hour: 0 }, NUMBER, { end: 'the caller had 0 calls within the last hour' }],
    ['an emergency call', {}, '112', { callee: '112', end: 'emergency calls are not enabled' }],
    ['as no number', {}, '12', { callee: '12', cause: 28 }],
  ])('refused: %s', async (_, dialPlan, to, expected) => {
    const gw = outboundGateway([{}], dialPlan);
    await placed(gw, gw.phone(ALICE), to).outcome();
    const record = await onlyRecord(gw);
    expect(record).toMatchObject({ outcome: 'refused', direction: 'to-line', caller: ALICE, line: '', ...expected });
    expect(gw.events.filter(({ event }) => event === 'call').at(-1)).toMatchObject({ state: 'refused' });
  });

  it('refused: no line free, and none that serves the number', async () => {
    const gw = outboundGateway([{ serves: ['+49'] }]);
    gw.line.status = { state: 'busy', modem: 'fake' };
    const alice = gw.phone(ALICE);
    expect(await placed(gw, alice, NUMBER).outcome()).toBe(503);
    expect(await placed(gw, alice, '+33142345678').outcome()).toBe(404);
    const { calls } = await gw.records.find({ count: 10 });
    expect(calls.map(({ outcome, cause }) => [outcome, cause])).toEqual([
      ['refused', 3],
      ['refused', 34],
    ]);
  });

  it('from the line: taken, missed, given up', async () => {
    const gw = outboundGateway([{ rings: [BOB], ring_seconds: 20 }]);
    const bob = gw.phone(BOB);
    const taken = gw.line.ring();
    const call = await gw.clock.run((await gw.until(() => bob.incoming[0])).answer());
    await gw.clock.run(taken.answered);
    await gw.clock.run(call.hangUp());
    await gw.over();
    const missed = gw.line.ring();
    await gw.until(() => bob.incoming[1]);
    await gw.clock.advance(30_000);
    missed.stop('caller-gave-up');
    await gw.over();
    const short = gw.line.ring();
    await gw.until(() => bob.incoming[2]);
    short.stop('caller-gave-up');
    await gw.over();
    const { calls } = await gw.records.find({ count: 10 });
    expect(calls.map(({ outcome, caller, line }) => [outcome, caller, line])).toEqual([
      ['missed', '+4930123456', 'line0'],
      ['missed', '+4930123456', 'line0'],
      ['answered', '+4930123456', 'line0'],
    ]);
  });

  it('but refusals only so many an hour, of one caller and of all: who is refused can ask without end', async () => {
    const gw = outboundGateway([{}], { allow: [] });
    const refuse = async (user: string, times: number) => {
      const phone = gw.phone(user);
      for (let i = 0; i < times; i++) await placed(gw, phone, NUMBER).outcome();
    };
    const kept = async () => (await gw.records.find({ count: 1000 })).calls.length;
    await refuse(ALICE, 30);
    expect(await kept()).toBe(20);
    await refuse(BOB, 5);
    expect(await kept()).toBe(25);
    for (let i = 0; i < 6; i++) await refuse(`user${i}@home.example`, 20);
    expect(await kept()).toBe(100);
    await gw.clock.advance(3_600_000);
    await refuse(ALICE, 1);
    expect(await kept()).toBe(101);
    expect(gw.logged.join()).toContain('refused calls were not recorded');
  });
});
