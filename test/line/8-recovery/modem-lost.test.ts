import { describe, expect, it } from 'vitest';
import { silence } from '#media/g711.ts';
import { ToneGenerator } from '#media/tones.ts';
import type { FaultName } from '#pstn/emulator/faults.ts';
import { type SimulatedLine, simulatedLine } from '../../pstn/simulated-line.ts';

const never = () => new AbortController().signal;

async function ready(): Promise<SimulatedLine> {
  const simulated = simulatedLine();
  await simulated.clock.run(simulated.line.start());
  simulated.emulated.exchange.plan('1', { behaviour: 'answers', answerAfterMs: 0, sendHz: 500 });
  return simulated;
}

async function inCall() {
  const simulated = await ready();
  const call = await simulated.clock.run(simulated.line.dial('1', never()));
  await simulated.clock.advance(1000);
  return { ...simulated, call };
}

describe('a call whose modem is lost', () => {
  const ways: readonly (readonly [string, (line: SimulatedLine) => void, { here: number; there: number }])[] = [
    ['unplugged', (line) => line.unplug(), { here: 100, there: 100 }],
    ['power-cycled, the port staying', (line) => line.emulated.powerOff(), { here: 4100, there: 100 }],
    ['silent', (line) => line.emulated.fault('silent', true), { here: 4100, there: 15_000 }],
    ['taking no more bytes', (line) => line.emulated.fault('blocked', true), { here: 5000, there: 5000 }],
  ];
  it.each(ways)('%s: ends as modem-lost for both sides, in time', async (_, lose, limits) => {
    const simulated = await inCall();
    const { clock, call, events, line } = simulated;
    const at = clock.now();
    lose(simulated);
    expect(await clock.run(call.ended, limits.here)).toBe('modem-lost');
    expect(clock.now() - at).toBeLessThanOrEqual(limits.here);
    expect(line.status.state).toMatch(/absent|starting/);
    await clock.runUntil(() => events.some(({ event }) => event === 'call-ended'), limits.there);
    expect(clock.now() - at).toBeLessThanOrEqual(limits.there + limits.here);
  });

  it.each([
    ['a voice', 880],
    ['silence', undefined],
  ])('power-cycled with %s on its way, which its echo would keep going round: ends all the same', async (_, hertz) => {
    const simulated = simulatedLine({}, {}, 35);
    const { clock, line, emulated } = simulated;
    await clock.run(line.start());
    emulated.exchange.plan('1', { behaviour: 'answers', answerAfterMs: 0, sendHz: 500 });
    const call = await clock.run(line.dial('1', never()));
    const tone = hertz === undefined ? undefined : new ToneGenerator([hertz]);
    call.connect((heard) => tone?.next(heard.length) ?? silence(heard.length));
    await clock.advance(1000);
    emulated.powerOff();
    expect(await clock.run(call.ended, 6000)).toBe('modem-lost');
    await clock.runUntil(() => line.status.state === 'idle', 10_000);
  });

  it('stuck in duplex after the hang-up: the port is closed, which hangs up, and the line is back', async () => {
    const { clock, call, emulated, line, events, statuses } = await inCall();
    emulated.fault('stuck-in-duplex', true);
    const hungUp = clock.now();
    expect(
      await clock.run(
        call.hangUp().then(() => call.ended),
        15_000,
      ),
    ).toBe('local');
    await clock.runUntil(() => events.some(({ event }) => event === 'on-hook'), 25_000);
    expect(clock.now() - hungUp).toBeLessThan(25_000);
    await clock.runUntil(() => line.status.state === 'idle', 30_000);
    expect(statuses.map(({ state }) => state)).toContain('absent');
  });

  it('a stray RING within the sound ends nothing', async () => {
    const { clock, call, emulated, line, rings } = await inCall();
    for (let i = 0; i < 5; i++) {
      emulated.strayRing();
      await clock.advance(1000);
    }
    expect(line.status.state).toBe('busy');
    expect(rings).toEqual([]);
    expect(await clock.run(call.hangUp().then(() => call.ended))).toBe('local');
  });
});

describe('a line whose modem is out of order', () => {
  const faults: readonly FaultName[] = ['silent', 'garbage', 'blocked', 'lost-ok'];
  it.each(faults)('%s: dialling fails as the fault of the modem, soon, and the status tells', async (fault) => {
    const { clock, line, emulated } = await ready();
    emulated.fault(fault, true);
    const at = clock.now();
    const dialled = line.dial('1', never()).catch((error) => error);
    expect(await clock.run(dialled, 20_000)).toMatchObject({ fault: { code: 'modem' } });
    expect(clock.now() - at).toBeLessThan(15_000);
    await clock.runUntil(() => line.status.state === 'absent', 20_000);
    expect(line.status).toMatchObject({
      reason: expect.stringMatching(fault === 'garbage' ? /no answer/ : /not answer/),
    });
  });

  it.each(faults)('%s: answering fails as the fault of the modem, and the ring is over', async (fault) => {
    const { clock, line, emulated, rings } = await ready();
    emulated.exchange.ring({ party: { behaviour: 'answers', answerAfterMs: 0 }, callerId: { number: '5' } });
    await clock.runUntil(() => rings.length > 0);
    emulated.fault(fault, true);
    const answered = rings[0]!.ring.answer().catch((error) => error);
    expect(await clock.run(answered, 20_000)).toMatchObject({ fault: { code: 'modem' } });
    expect(line.status.state).not.toBe('busy');
  });

  it('is noticed while idle, without anybody calling', async () => {
    for (const fault of faults) {
      const { clock, line, emulated } = await ready();
      emulated.fault(fault, true);
      await clock.runUntil(() => line.status.state === 'absent', 60_000);
      emulated.fault(fault, false);
      await clock.runUntil(() => line.status.state === 'idle', 15_000);
    }
  });

  it('power-cycled while idle has its caller ID back within a minute', async () => {
    const { clock, line, emulated, rings } = await ready();
    emulated.powerOff();
    await clock.advance(60_000);
    expect(line.status.state).toBe('idle');
    emulated.exchange.ring({
      party: { behaviour: 'answers', answerAfterMs: 0 },
      callerId: { number: '5551234', name: 'ALICE' },
    });
    await clock.runUntil(() => rings.length > 0, 10_000);
    expect(rings[0]?.callerId).toMatchObject({ number: '5551234', name: 'ALICE' });
  });

  it('stuck in duplex by a program that crashed, and ringing or not: the next start gets it out', async () => {
    for (const exits of ['^', 'etx'] as const) {
      const { clock, line, emulated, events } = simulatedLine({ duplexExit: exits });
      for (const command of ['ATE0', 'AT+FCLASS=8', 'AT+VSM=131,8000', 'AT+VLS=1', 'AT+VTR']) {
        emulated.receive(Buffer.from(`${command}\r`));
      }
      await clock.advance(5000);
      expect(events.at(-1)).toEqual({ event: 'off-hook' });
      await clock.run(line.start(), 20_000);
      expect(line.status.state).toBe('idle');
      expect(events.at(-1)).toEqual({ event: 'on-hook' });
    }
  });

  it('stuck for good is said to be, and comes back with its power', async () => {
    const { clock, line, emulated } = simulatedLine({}, {}, 4, { dtr: false });
    emulated.fault('stuck-in-duplex', true);
    for (const command of ['ATE0', 'AT+FCLASS=8', 'AT+VSM=131,8000', 'AT+VLS=1', 'AT+VTR']) {
      emulated.receive(Buffer.from(`${command}\r`));
    }
    await clock.run(line.start(), 20_000);
    expect(line.status).toMatchObject({ state: 'absent', reason: expect.stringContaining('no answer') });
    emulated.powerOff();
    await clock.runUntil(() => line.status.state === 'idle', 20_000);
  });
});
