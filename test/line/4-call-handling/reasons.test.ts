import { describe, expect, it } from 'vitest';
import type { CallRecord } from '#gateway/call-record.ts';
import type { GatewayEvent } from '#gateway/events.ts';
import type { Failure } from '#platform/failure.ts';
import type { DialFault, LineHangup } from '#pstn/line.ts';
import type { CallFault } from '#sip/ua/call-engine.ts';
import { answeredCall } from './during-calls.ts';
import { TestGateway } from './test-gateway.ts';

const ALICE = 'alice@home.example';
const NUMBER = '+4930555';
const allow = [{ callers: [ALICE], prefixes: ['+49'] }];
const CLEARED = 'Q.850;cause=16;text="Normal call clearing"';

function outgoing(dial_plan = { allow }) {
  const gw = new TestGateway({ line: [{ device: 'fake' }], dial_plan });
  return { gw, alice: gw.phone(ALICE) };
}

/** Alice calls; gives what her phone is told when that fails. */
async function refusal(gw: TestGateway, call: Promise<unknown>): Promise<CallFault> {
  const failed = call.then(
    () => undefined,
    (thrown: Failure<CallFault>) => thrown.fault,
  );
  const fault = await gw.clock.run(failed);
  if (fault === undefined) throw new Error('the call was answered');
  return fault;
}

describe('why a call to the line did not come about', () => {
  const rows: readonly [DialFault, number, string, Partial<CallRecord>][] = [
    [{ code: 'busy' }, 486, 'Q.850;cause=17;text="User busy"', { outcome: 'busy', cause: 17 }],
    [{ code: 'congestion' }, 503, 'Q.850;cause=42;text="Switching equipment congestion"', { outcome: 'failed' }],
    [{ code: 'special-information' }, 404, 'Q.850;cause=1;text="Unallocated number"', { outcome: 'failed', cause: 1 }],
    [{ code: 'no-answer' }, 480, 'Q.850;cause=19;text="No answer from user"', { outcome: 'missed', cause: 19 }],
    [{ code: 'modem', detail: 'x' }, 503, 'Q.850;cause=41;text="Temporary failure"', { outcome: 'failed', cause: 41 }],
  ];
  for (const [fault, status, reason, record] of rows) {
    it(`${fault.code}: told to the caller, kept, and told as an event`, async () => {
      const { gw, alice } = outgoing();
      const calling = alice.call(NUMBER);
      const dialling = await gw.until(() => gw.line.diallings[0]);
      dialling.fail(fault);
      expect(await refusal(gw, calling)).toMatchObject({ status, reason });
      expect(await gw.over()).toMatchObject({ ...record, end: `line: ${fault.code}`, answer: 'none' });
      const { cause } = (await gw.ended())[0]!;
      expect(gw.lastCall()).toMatchObject({ state: 'ended', reason: `line: ${fault.code}`, cause, answer: 'none' });
    });
  }

  it('the caller gave up, with the reason the phone gave', async () => {
    const { gw, alice } = outgoing();
    const stop = new AbortController();
    const cancelReason = () => 'SIP;cause=600, Q.850;cause=31;text="Normal, unspecified"';
    const calling = alice.call(NUMBER, { signal: stop.signal, cancelReason });
    await gw.until(() => gw.line.diallings[0]);
    stop.abort();
    await refusal(gw, calling);
    expect(await gw.over()).toMatchObject({ outcome: 'missed', end: 'phone: gave up', cause: 31 });
    expect(gw.line.status.state).toBe('idle');
  });

  it('the dial plan said no', async () => {
    const { gw, alice } = outgoing({ allow: [] });
    expect(await refusal(gw, alice.call(NUMBER))).toMatchObject({
      status: 403,
      reason: 'Q.850;cause=21;text="Call rejected"',
    });
    expect(gw.lastCall()).toMatchObject({ state: 'refused', cause: 21, outcome: 'refused' });
  });
});

describe('why a call ended', () => {
  const hangups: readonly [LineHangup, string][] = [
    ['busy-tone', CLEARED],
    ['dial-tone', CLEARED],
    ['loop-drop', CLEARED],
    ['polarity-reversal', CLEARED],
    ['far-end', CLEARED],
    ['congestion-tone', 'Q.850;cause=42;text="Switching equipment congestion"'],
    ['special-information', 'Q.850;cause=1;text="Unallocated number"'],
    ['silence', 'Q.850;cause=31;text="Normal, unspecified"'],
    ['modem-lost', 'Q.850;cause=41;text="Temporary failure"'],
  ];
  for (const [hangup, reason] of hangups) {
    it(`line: ${hangup}`, async () => {
      const { gw, call, line } = await answeredCall();
      line.end(hangup);
      expect(await gw.clock.run(call.ended)).toMatchObject({ by: 'remote', reason });
      const record = await gw.over();
      expect(record).toMatchObject({ outcome: 'answered', end: `line: ${hangup}`, answer: 'real' });
      expect(reason).toContain(`;cause=${record?.cause};`);
      expect(gw.lastCall()).toMatchObject({ reason: `line: ${hangup}`, cause: record?.cause, answer: 'real' });
    });
  }

  it('phone: hung up, with the cause it gave', async () => {
    const rows = [
      [undefined, 'phone: hung up', 16],
      ['Q.850;cause=31;text="out of coverage"', 'phone: hung up (out of coverage)', 31],
      ['SIP;cause=486', 'phone: hung up (User busy)', 17],
      ['Q.850;cause=999', 'phone: hung up', 16],
      ['Q.850;cause=200, nonsense', 'phone: hung up', 16],
    ] as const;
    for (const [reason, end, cause] of rows) {
      const { gw, call } = await answeredCall();
      await gw.clock.run(call.hangUp(reason));
      expect(await gw.over()).toMatchObject({ end, cause, outcome: 'answered' });
    }
  });

  it('time limit: the longest call that the plan allows', async () => {
    const { gw, call, line } = await answeredCall({}, { dial_plan: { minutes_per_call: 1 } });
    const startedAt = gw.clock.now();
    expect(await gw.clock.run(call.ended)).toMatchObject({ reason: 'Q.850;cause=31;text="Normal, unspecified"' });
    expect(gw.clock.now() - startedAt).toBeGreaterThan(59_000);
    expect(gw.clock.now() - startedAt).toBeLessThan(61_000);
    expect(line.isOver).toBe(true);
    expect(await gw.over()).toMatchObject({ end: 'time limit', cause: 31, outcome: 'answered' });
  });

  it('says how the answer became known, in record, event and log', async () => {
    for (const supervision of [
      { kind: 'inferred', by: 'voice' },
      { kind: 'real', by: 'polarity' },
    ] as const) {
      const { gw, alice } = outgoing();
      const calling = alice.call(NUMBER);
      const line = (await gw.until(() => gw.line.diallings[0])).answer(supervision);
      const call = await gw.clock.run(calling);
      const told = await gw.until(() =>
        gw.events.find((event): event is Extract<GatewayEvent, { event: 'call' }> => {
          return event.event === 'call' && event.state === 'answered';
        }),
      );
      expect(told.answer).toBe(supervision.kind);
      line.end('loop-drop');
      await gw.clock.run(call.ended);
      expect(await gw.over()).toMatchObject({ answer: supervision.kind });
      expect(gw.logged.some((entry) => entry.includes(`"by":"${supervision.by}"`))).toBe(true);
    }
  });
});
