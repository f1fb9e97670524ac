import { describe, expect, it } from 'vitest';
import { ToneGenerator } from '#media/tones.ts';
import type { Party } from '#pstn/emulator/number-plan.ts';
import { scriptedModem } from './scripted-modem.ts';
import { type SimulatedLine, simulatedLine } from './simulated-line.ts';

const caller: Party = { behaviour: 'answers', answerAfterMs: 0, sendHz: 700 };

async function ready(...options: Parameters<typeof simulatedLine>): Promise<SimulatedLine> {
  const simulated = simulatedLine(...options);
  await simulated.clock.run(simulated.line.start());
  return simulated;
}

describe('a ringing line', () => {
  it('tells the caller ID that comes behind the first RING', async () => {
    const { clock, emulated, rings } = await ready();
    emulated.exchange.ring({ callerId: { number: '5551234', name: 'ALICE' }, party: caller });
    const since = clock.now();
    await clock.runUntil(() => rings.length > 0);
    expect(rings[0]?.callerId).toEqual({ number: '5551234', name: 'ALICE', presentation: 'available' });
    expect((rings[0]?.at ?? 0) - since).toBeLessThan(3000);
  });

  it('tells the caller ID that comes before the first RING, as British lines have it', async () => {
    const { clock, emulated, rings } = await ready({ country: 'GB' });
    emulated.exchange.ring({ callerId: { number: '02079460000' }, party: caller });
    const since = clock.now();
    await clock.runUntil(() => rings.length > 0);
    expect(rings[0]?.callerId).toEqual({ number: '02079460000', name: undefined, presentation: 'available' });
    expect((rings[0]?.at ?? 0) - since).toBeLessThan(1000);
  });

  it('tells withheld and unavailable numbers apart', async () => {
    for (const [mark, presentation] of [
      ['P', 'withheld'],
      ['O', 'unavailable'],
    ] as const) {
      const { clock, emulated, rings } = await ready();
      emulated.exchange.ring({ callerId: { number: mark, name: mark }, party: caller });
      await clock.runUntil(() => rings.length > 0);
      expect(rings[0]?.callerId).toEqual({ number: undefined, name: undefined, presentation });
    }
  });

  it('waits no longer than the pause between rings for a caller ID that never comes', async () => {
    const { clock, emulated, rings } = await ready();
    emulated.exchange.ring({ party: caller });
    const since = clock.now();
    await clock.runUntil(() => rings.length > 0);
    expect(rings[0]?.callerId.presentation).toBe('unavailable');
    expect((rings[0]?.at ?? 0) - since).toBeLessThan(6100);
  });

  it('puts a block together that the reads cut anywhere', async () => {
    const text = '\r\nRING\r\n\r\nDATE = 1107\r\nTIME = 1437\r\nNMBR = 5551234\r\nNAME = ALICE\r\n';
    for (let cut = 1; cut < text.length; cut++) {
      const { clock, line, say } = scriptedModem();
      const heard: string[] = [];
      line.observe({ status: () => {}, ring: ({ callerId }) => heard.push(`${callerId.number} ${callerId.name}`) });
      await clock.run(line.start());
      say(text.slice(0, cut));
      await clock.advance(100);
      say(text.slice(cut));
      await clock.advance(400);
      expect(heard).toEqual(['5551234 ALICE']);
    }
  });

  it('rings once for each call, and again for the next', async () => {
    const { clock, emulated, rings } = await ready();
    emulated.exchange.ring({ party: caller, ringForMs: 20_000 });
    await clock.advance(60_000);
    emulated.exchange.ring({ party: caller, ringForMs: 20_000 });
    await clock.advance(60_000);
    expect(rings).toHaveLength(2);
  });

  it('aborts the ring when the caller gives up, and no sooner', async () => {
    const { clock, emulated, rings, line } = await ready();
    emulated.exchange.ring({ callerId: { number: '1', name: 'A' }, party: caller });
    await clock.advance(30_000);
    const ring = rings[0]!.ring;
    expect(ring.abandoned.aborted).toBe(false);
    expect(line.status.state).toBe('ringing');
    emulated.exchange.giveUp();
    await clock.advance(7500);
    expect(ring.abandoned.aborted).toBe(true);
    expect(line.status.state).toBe('idle');
    await expect(ring.answer()).rejects.toMatchObject({ fault: { code: 'aborted' } });
  });

  it('answers with sound both ways', async () => {
    const { clock, emulated, rings, line, find } = await ready();
    emulated.exchange.ring({ callerId: { number: '1', name: 'A' }, party: caller });
    await clock.runUntil(() => rings.length > 0);
    const call = await clock.run(rings[0]!.ring.answer());
    expect(line.status.state).toBe('busy');
    let heard = 0;
    const tone = new ToneGenerator([900]);
    call.connect((samples) => {
      heard += samples.length;
      return tone.next(samples.length);
    });
    await clock.advance(3000);
    await clock.run(call.hangUp());
    expect(heard).toBeGreaterThan(23_000);
    expect(find('call-ended')?.heardHz).toBeCloseTo(900, -1);
    expect(find('call-ended')?.direction).toBe('to-line');
  });
});

describe('the end of a call', () => {
  for (const [how, hangup] of [
    ['busy-tone', 'busy-tone'],
    ['dial-tone', 'dial-tone'],
    ['loop-drop', 'loop-drop'],
  ] as const) {
    it(`is noticed by ${how} within three seconds of the far end's hang-up`, async () => {
      const { clock, emulated, rings, line, find } = await ready();
      emulated.exchange.ring({ callerId: { number: '1', name: 'A' }, party: caller });
      await clock.runUntil(() => rings.length > 0);
      const call = await clock.run(rings[0]!.ring.answer());
      await clock.advance(2000);
      emulated.exchange.hangUp(how);
      const since = clock.now();
      expect(await clock.run(call.ended)).toBe(hangup);
      expect(clock.now() - since).toBeLessThan(3000);
      expect(find('on-hook')).toBeDefined();
      expect(line.status.state).toBe('idle');
    });
  }

  it('is noticed by silence where that is asked for', async () => {
    const { clock, line, say, sound, commands } = scriptedModem({ ATDT1: 'VCON' }, { silenceSeconds: 30 });
    await clock.run(line.start());
    expect(commands).toContain('AT+VSD=128,300');
    const call = await clock.run(line.dial('1', new AbortController().signal));
    // The modem hears one side of the call, so its word alone is not taken.
    say('\x10q');
    for (let second = 0; second < 29; second++) sound(8000);
    expect(line.status.state).toBe('busy');
    sound(8400);
    expect(await clock.run(call.ended, 10_000)).toBe('silence');
  });

  it('comes when the line is stopped, with the modem left on hook', async () => {
    const { clock, emulated, rings, line, find } = await ready();
    emulated.exchange.ring({ callerId: { number: '1', name: 'A' }, party: caller });
    await clock.runUntil(() => rings.length > 0);
    const call = await clock.run(rings[0]!.ring.answer());
    await clock.run(line.stop());
    expect(await call.ended).toBe('local');
    expect(find('on-hook')).toBeDefined();
    expect(line.status).toEqual({ state: 'absent', reason: 'stopped' });
  });
});
