import { describe, expect, it } from 'vitest';
import { reportTo } from '#gateway/mqtt-side.ts';
import { type CallReport, type EventReport, MqttReporter } from '#mqtt/reporter.ts';
import { silentLogger } from '#platform/log.ts';
import type { HangUpHow } from '#pstn/emulator/number-plan.ts';
import { simulatedLine } from '../../pstn/simulated-line.ts';
import { TestGateway } from '../4-call-handling/test-gateway.ts';

const ALICE = 'alice@home.example';

/** What the topics of a broker would say; nothing is connected. */
class KeptReporter extends MqttReporter {
  readonly calls: CallReport[] = [];
  readonly events: EventReport[] = [];

  constructor() {
    const broker = { url: 'mqtt://localhost', username: undefined, password: undefined };
    const names = { prefix: 'copperring', id: 'gw1', discovery: false, discoveryPrefix: 'homeassistant' };
    super({ logger: silentLogger, onCommand: () => {} }, { ...broker, ...names, commands: false });
  }

  override call(report: CallReport): void {
    this.calls.push(report);
  }

  override event(report: EventReport): void {
    this.events.push(report);
  }
}

/** Over driver, emulated modem and emulated exchange: a call from the line that Alice took, or one that she made, and what MQTT is told at its end. */
async function talking(direction: 'in' | 'out' = 'in') {
  const sim = simulatedLine({ country: 'DE' }, { country: 'DE', silenceSeconds: 10 });
  const dial_plan = { allow: [{ callers: [ALICE], prefixes: ['+49'] }] };
  const gw = new TestGateway({ line: [{ device: 'fake', rings: [ALICE] }], dial_plan }, {}, sim);
  await sim.clock.run(sim.line.start());
  const alice = gw.phone(ALICE);
  const { exchange } = sim.emulated;
  const party = { behaviour: 'answers', answerAfterMs: 0, sendHz: 600, reversal: true } as const;
  exchange.plan('030555', party);
  if (direction === 'in') exchange.ring({ party });
  const placed = direction === 'in' ? undefined : alice.call('+4930555');
  const call = await gw.clock.run(placed ?? (await gw.until(() => alice.incoming[0])).answer());
  await gw.clock.advance(1500);
  const mqtt = new KeptReporter();
  const tell = reportTo(mqtt, ['line']);
  const before = gw.events.length;
  const ended = async () => {
    const { reason } = await gw.clock.run(call.ended, 60_000);
    const record = await gw.over();
    for (const event of gw.events.slice(before)) tell(event);
    return { sip: reason, record, state: mqtt.calls.at(-1), event: mqtt.events.at(-1) };
  };
  return { sim, gw, call, ended };
}

describe('the reason of a disconnect is in SIP, in the record and at the broker alike', () => {
  const rows: readonly [HangUpHow, string, number, string][] = [
    ['busy-tone', 'line: busy-tone', 16, 'Normal call clearing'],
    ['dial-tone', 'line: dial-tone', 16, 'Normal call clearing'],
    ['special-information', 'line: special-information', 1, 'Unallocated number'],
    ['congestion-tone', 'line: congestion-tone', 42, 'Switching equipment congestion'],
    ['loop-drop', 'line: loop-drop', 16, 'Normal call clearing'],
    ['silence', 'line: silence', 31, 'Normal, unspecified'],
  ];

  it.each(rows)('%s of the exchange', async (how, end, cause, text) => {
    const { sim, ended } = await talking();
    sim.emulated.exchange.hangUp(how);
    expect(await ended()).toMatchObject({
      sip: `Q.850;cause=${cause};text="${text}"`,
      record: { end, cause, outcome: 'answered' },
      state: { state: 'idle', last_end: end, last_cause: cause },
      event: { event_type: 'ended', reason: end, cause, outcome: 'answered' },
    });
  });

  it('a line that is reversed at the answer, and back again at the end', async () => {
    const { sim, ended } = await talking('out');
    sim.emulated.exchange.hangUp('polarity-reversal');
    expect(await ended()).toMatchObject({
      sip: 'Q.850;cause=16;text="Normal call clearing"',
      record: { end: 'line: polarity-reversal', cause: 16, answer: 'real' },
      state: { last_end: 'line: polarity-reversal', last_cause: 16 },
      event: { event_type: 'ended', reason: 'line: polarity-reversal', cause: 16, answer: 'real' },
    });
  });

  it('a modem that is pulled out', async () => {
    const { sim, ended } = await talking();
    sim.unplug();
    expect(await ended()).toMatchObject({
      sip: 'Q.850;cause=41;text="Temporary failure"',
      record: { end: 'line: modem-lost', cause: 41 },
      state: { last_end: 'line: modem-lost', last_cause: 41 },
      event: { event_type: 'ended', reason: 'line: modem-lost', cause: 41 },
    });
  });

  it('the phone', async () => {
    const { call, ended } = await talking();
    void call.hangUp('Q.850;cause=31;text="out of coverage"');
    const { record, state, event } = await ended();
    expect({ record, state, event }).toMatchObject({
      record: { end: 'phone: hung up (out of coverage)', cause: 31 },
      state: { last_end: 'phone: hung up (out of coverage)', last_cause: 31 },
      event: { event_type: 'ended', reason: 'phone: hung up (out of coverage)', cause: 31 },
    });
  });
});
