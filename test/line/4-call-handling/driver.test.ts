import { describe, expect, it } from 'vitest';
import { silence } from '#media/g711.ts';
import { ToneGenerator } from '#media/tones.ts';
import { concat } from '#platform/bytes.ts';
import type { Party } from '#pstn/emulator/number-plan.ts';
import { simulatedLine } from '../../pstn/simulated-line.ts';
import { TestGateway } from './test-gateway.ts';

const ALICE = 'alice@home.example';
const caller: Party = { behaviour: 'answers', answerAfterMs: 0, sendHz: 440 };

/** ITU-T T.30 §4.1.1: 1100 Hz, half a second on and three off. */
function callingTone(): Uint8Array {
  const burst = concat(new ToneGenerator([1100]).next(4000), silence(24_000));
  return concat(silence(8000), burst, burst, burst);
}

/** The gateway over the real driver, an emulated modem and an emulated exchange. */
async function started(line: object = {}) {
  const sim = simulatedLine({ country: 'DE' });
  const dial_plan = { allow: [{ callers: [ALICE], prefixes: ['+49'] }] };
  const gw = new TestGateway({ line: [{ device: 'fake', rings: [ALICE], ...line }], dial_plan }, {}, sim);
  await sim.clock.run(sim.line.start());
  return { sim, gw, alice: gw.phone(ALICE), exchange: sim.emulated.exchange };
}

async function answered(party: Party = caller, line: object = {}) {
  const all = await started(line);
  all.exchange.ring({ callerId: { number: '030123456', name: 'ERIKA' }, party });
  const incoming = await all.gw.until(() => all.alice.incoming[0]);
  const call = await all.gw.clock.run(incoming.answer());
  await all.gw.until(() => all.gw.events.find((event) => event.event === 'call' && event.state === 'answered'));
  return { ...all, incoming, call, media: all.gw.medias[0]! };
}

describe('over the driver, an emulated modem and an emulated exchange', () => {
  it('a fax machine that calls is let go within seconds, and recorded as one', async () => {
    const { gw, call } = await answered({ ...caller, sendSound: callingTone() });
    const startedAt = gw.clock.now();
    expect(await gw.clock.run(call.ended)).toMatchObject({ reason: 'Q.850;cause=88;text="Incompatible destination"' });
    expect(gw.clock.now() - startedAt).toBeLessThan(8000);
    expect(await gw.over()).toMatchObject({ outcome: 'fax', end: 'line: fax', caller: '+4930123456' });
  });

  it('a flash reaches the exchange, and the call goes on', async () => {
    const { gw, sim, call, media } = await answered();
    media.pressFlash();
    await gw.until(() => sim.find('flash'));
    await gw.until(() => gw.events.find(({ event }) => event === 'flash'));
    await gw.clock.advance(5000);
    expect(gw.calls.list).toHaveLength(1);
    await gw.clock.run(call.hangUp());
    expect(await gw.over()).toMatchObject({ end: 'phone: hung up' });
  });

  it('a waiting call is told', async () => {
    const { gw, exchange, call } = await answered();
    expect(exchange.callWaiting()).toBe(true);
    await gw.until(() => gw.events.find(({ event }) => event === 'call-waiting'), 10_000);
    await gw.clock.run(call.hangUp());
    await gw.over();
  });

  it('a telephone on the line takes the call over', async () => {
    const { gw, exchange, call } = await answered(caller, { handset: 'take-over' });
    exchange.telephone('extension', true);
    await gw.clock.run(call.ended, 10_000);
    expect(gw.events.find(({ event }) => event === 'telephone')).toMatchObject({ by: 'extension', offHook: true });
    expect(await gw.over()).toMatchObject({ end: 'line: a telephone took over' });
  });

  it('the far end hangs up: its sign goes into record and BYE within two seconds', async () => {
    const { gw, sim, exchange, call } = await answered();
    exchange.hangUp('busy-tone');
    const hungUp = gw.clock.now();
    expect(await gw.clock.run(call.ended)).toMatchObject({ reason: 'Q.850;cause=16;text="Normal call clearing"' });
    expect(gw.clock.now() - hungUp).toBeLessThan(2000);
    expect(await gw.over()).toMatchObject({ end: 'line: busy-tone', answer: 'real' });
    await gw.clock.runUntil(() => sim.line.status.state === 'idle');
  });

  it('a busy number is told by its cause', async () => {
    const { gw, alice, exchange } = await started();
    exchange.plan('0309', { behaviour: 'busy', answerAfterMs: 0 });
    const fault = await gw.clock.run(alice.call('+49309').catch((thrown) => thrown.fault));
    expect(fault).toMatchObject({ status: 486, reason: 'Q.850;cause=17;text="User busy"' });
    expect(await gw.over()).toMatchObject({ outcome: 'busy', cause: 17, answer: 'none' });
  });

  it('a number that does not exist, which the modem takes for an answer, is told by the tone behind it', async () => {
    const { gw, alice, exchange } = await started();
    exchange.plan('0309', { behaviour: 'unobtainable', answerAfterMs: 0 });
    const call = await gw.clock.run(alice.call('+49309'));
    expect(await gw.clock.run(call.ended)).toMatchObject({ reason: 'Q.850;cause=1;text="Unallocated number"' });
    expect(await gw.over()).toMatchObject({ outcome: 'failed', cause: 1, answer: 'inferred' });
  });

  it('a call that comes in the moment of dialling rings the phones, and the call out goes to the next gateway', async () => {
    const { gw, sim, alice, exchange } = await started({ rings: ['bob@home.example'] });
    const bob = gw.phone('bob@home.example');
    const calling = alice.call('+4930555').catch((thrown) => thrown.fault);
    await gw.clock.runUntil(() => sim.line.status.state === 'dialling');
    exchange.ring({ callerId: { number: '030123456' }, party: caller });
    expect(await gw.clock.run(calling)).toMatchObject({ status: 503, reason: expect.stringContaining('cause=44;') });
    const incoming = await gw.until(() => bob.incoming[0], 20_000);
    const call = await gw.clock.run(incoming.answer());
    await gw.clock.run(call.hangUp());
    await gw.over();
    expect((await gw.ended()).map(({ end }) => end)).toContain('line: glare');
  });

  it('an answer is inferred, or real where the exchange reverses the wires', async () => {
    for (const [reversal, kind] of [
      [false, 'inferred'],
      [true, 'real'],
    ] as const) {
      const { gw, alice, exchange } = await started();
      exchange.plan('030555', { behaviour: 'answers', answerAfterMs: 3000, sendHz: 523, reversal });
      const call = await gw.clock.run(alice.call('+4930555'));
      await gw.clock.run(call.hangUp());
      expect(await gw.over()).toMatchObject({ outcome: 'answered', answer: kind });
    }
  });
});
