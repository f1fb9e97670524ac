import { describe, expect, it } from 'vitest';
import { dominantFrequencyOfMulaw } from '#media/spectrum.ts';
import { concat } from '#platform/bytes.ts';
import type { Party } from '#pstn/emulator/number-plan.ts';
import { simulatedLine } from '../../pstn/simulated-line.ts';
import { answeredCall } from './during-calls.ts';
import { TestGateway } from './test-gateway.ts';

const ALICE = 'alice@home.example';
const FIRST_HZ = 700;
const SECOND_HZ = 1020;

function farEnd(sendHz: number): Party {
  return { behaviour: 'answers', answerAfterMs: 0, sendHz };
}

/** A call to alice over the real driver, an emulated modem and an emulated exchange, during which another waits. */
async function twoCalls() {
  const sim = simulatedLine({ country: 'DE' });
  const gw = new TestGateway({ line: [{ device: 'fake', rings: [ALICE] }] }, {}, sim);
  await gw.clock.run(sim.line.start());
  const { exchange } = sim.emulated;
  const alice = gw.phone(ALICE);
  exchange.ring({ callerId: { number: '030123456' }, party: farEnd(FIRST_HZ) });
  const incoming = await gw.until(() => alice.incoming[0]);
  const call = await gw.clock.run(incoming.answer());
  await gw.until(() => gw.events.find((event) => event.event === 'call' && event.state === 'answered'));
  const media = await gw.until(() => gw.medias[0]);
  const told = (name: string) => gw.events.filter(({ event }) => event === name).length;
  return {
    gw,
    exchange,
    call,
    told,
    /** What alice hears, Hz, a while from now. */
    async heard() {
      await gw.clock.advance(2000);
      return Math.round(dominantFrequencyOfMulaw(concat(...media.played.slice(-25)))?.frequency ?? 0);
    },
    async flash() {
      const before = told('flash');
      media.pressFlash();
      await gw.until(() => (told('flash') > before ? true : undefined));
    },
    ended: () => sim.events.filter(({ event }) => event === 'call-ended').length,
  };
}

describe('a call that waits during a call', () => {
  it('is told with its caller, and the call goes on', async () => {
    const { gw, line } = await answeredCall();
    line.happen({
      type: 'call-waiting',
      callerId: { number: '0301', name: 'Zweite', presentation: 'available' },
    });
    line.happen({ type: 'call-waiting', callerId: undefined });
    line.happen({ type: 'call-waiting', callerId: { number: undefined, name: undefined, presentation: 'withheld' } });
    await gw.clock.advance(100);
    expect(gw.events.filter(({ event }) => event === 'call-waiting')).toEqual([
      { event: 'call-waiting', id: 1, caller: '0301', callerName: 'Zweite' },
      { event: 'call-waiting', id: 1, caller: undefined, callerName: undefined },
      { event: 'call-waiting', id: 1, caller: 'withheld', callerName: undefined },
    ]);
    expect(line.isOver).toBe(false);
    line.end('busy-tone');
    await gw.over();
  });

  it('is taken by a hook flash, and by another the first is heard again', async () => {
    const { gw, exchange, call, told, heard, flash, ended } = await twoCalls();
    expect(await heard()).toBe(FIRST_HZ);
    expect(exchange.callWaiting(farEnd(SECOND_HZ))).toBe(true);
    await gw.until(() => (told('call-waiting') > 0 ? true : undefined), 10_000);
    expect(await heard()).toBe(FIRST_HZ);
    await flash();
    expect(await heard()).toBe(SECOND_HZ);
    expect(exchange.callWaiting()).toBe(false);
    await flash();
    expect(await heard()).toBe(FIRST_HZ);
    expect(ended()).toBe(0);
    await gw.clock.run(call.hangUp());
    expect(await gw.over()).toMatchObject({ outcome: 'answered', end: 'phone: hung up' });
    expect(ended()).toBe(2);
  });

  it('that was taken and ends leads back to the first by a flash, in spite of the tone meanwhile', async () => {
    const { gw, exchange, call, heard, flash, ended } = await twoCalls();
    expect(exchange.callWaiting(farEnd(SECOND_HZ))).toBe(true);
    await gw.clock.advance(2000);
    await flash();
    expect(await heard()).toBe(SECOND_HZ);
    exchange.hangUp('busy-tone');
    await gw.clock.advance(4000);
    expect(gw.calls.list).toHaveLength(1);
    await flash();
    expect(await heard()).toBe(FIRST_HZ);
    expect(ended()).toBe(1);
    await gw.clock.run(call.hangUp());
    await gw.over();
    expect(ended()).toBe(2);
  });
});
