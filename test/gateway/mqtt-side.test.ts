import { describe, expect, it } from 'vitest';
import type { GatewayEvent } from '#gateway/events.ts';
import { reportTo } from '#gateway/mqtt-side.ts';
import { MqttReporter } from '#mqtt/reporter.ts';
import { silentLogger } from '#platform/log.ts';

/** What the broker would be told. */
function told(...events: readonly GatewayEvent[]) {
  const sent: object[] = [];
  class Kept extends MqttReporter {
    override event(report: object): void {
      sent.push(report);
    }
    override call(report: object): void {
      sent.push(report);
    }
  }
  const options = { username: undefined, password: undefined, prefix: 'p', id: 'i', discoveryPrefix: 'h' };
  const reporter = new Kept(
    { logger: silentLogger, onHangUp: () => {} } as never,
    { ...options, url: 'mqtt://x', discovery: false, commands: false } as never,
  );
  const listen = reportTo(reporter, ['line']);
  sent.length = 0;
  for (const event of events) listen(event);
  return sent;
}

const call: Extract<GatewayEvent, { event: 'call' }> = {
  event: 'call',
  id: 1,
  direction: 'to-line',
  state: 'dialling',
  caller: 'a',
  callerName: undefined,
  callee: 'b',
  line: 'line',
  reason: undefined,
  cause: undefined,
  outcome: undefined,
  answer: 'none',
};

describe('what MQTT is told of calls', () => {
  it('says how the answer became known, and why the call ended', () => {
    const sent = told(
      { ...call, state: 'answered', answer: 'inferred' },
      { ...call, state: 'ended', answer: 'inferred', reason: 'line: busy-tone', cause: 16, outcome: 'answered' },
    );
    expect(sent).toMatchObject([
      { state: 'active', answer: 'inferred', last_end: null, last_cause: null },
      { event_type: 'answered', answer: 'inferred', cause: null, outcome: null },
      { state: 'idle', answer: null, last_end: 'line: busy-tone', last_cause: 16 },
      { event_type: 'ended', reason: 'line: busy-tone', cause: 16, outcome: 'answered', answer: 'inferred' },
    ]);
  });

  it('says what happens during a call', () => {
    expect(
      told(
        { event: 'call-waiting', id: 1, caller: '0301', callerName: undefined },
        { event: 'telephone', id: 1, by: 'extension', offHook: true },
        { event: 'telephone', id: 1, by: 'handset', offHook: false },
        { event: 'flash', id: 1, done: false },
        { event: 'digit', id: 1, from: 'line', digit: '5' },
      ),
    ).toEqual([
      { event_type: 'call_waiting', caller: '0301', caller_name: null },
      { event_type: 'telephone_lifted', by: 'extension' },
      { event_type: 'telephone_put_down', by: 'handset' },
      { event_type: 'flash', done: false },
      { event_type: 'dtmf', digit: '5', from: 'line' },
    ]);
  });
});
