import { describe, expect, it } from 'vitest';
import { dominantFrequencyOfMulaw } from '#media/spectrum.ts';
import { ToneGenerator } from '#media/tones.ts';
import { concat } from '#platform/bytes.ts';
import { Failure } from '#platform/failure.ts';
import type { DialFault, LineCall, LineEvent } from '#pstn/line.ts';
import { builtInProfiles } from '#pstn/modem/profiles/built-in.ts';
import { profileNamed } from '#pstn/modem/profiles/load.ts';
import { type SimulatedModule, simulatedModule } from './simulated-module.ts';

const never = new AbortController().signal;
const answering = { behaviour: 'answers', answerAfterMs: 1500, sendHz: 700 } as const;

async function started(...parts: Parameters<typeof simulatedModule>): Promise<SimulatedModule> {
  const module = simulatedModule(...parts);
  module.module.exchange.plan('5551234', answering);
  await module.clock.run(module.line.start());
  return module;
}

function dialled({ clock, line }: SimulatedModule, digits = '5551234', signal = never): Promise<LineCall> {
  return clock.run(line.dial(digits, signal), 120_000);
}

async function faultOf(call: Promise<unknown>): Promise<DialFault | undefined> {
  const thrown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  return thrown instanceof Failure ? thrown.fault : undefined;
}

/** Plays a tone into the call and gives the frequency of what comes, once it has settled. */
async function talk({ clock }: SimulatedModule, call: LineCall, { hz = 440, ms = 2000 } = {}) {
  const tone = new ToneGenerator([hz]);
  const heard: Uint8Array[] = [];
  call.connect((samples) => {
    heard.push(samples.slice());
    return tone.next(samples.length);
  });
  await clock.advance(ms);
  const all = concat(...heard);
  return { samples: all.length, hz: dominantFrequencyOfMulaw(all.subarray(-8000))?.frequency };
}

async function idle({ clock, line }: SimulatedModule, limitMs = 120_000): Promise<void> {
  await clock.runUntil(() => line.status.state === 'idle', limitMs);
}

for (const modem of ['sim7600', 'ec25'] as const) {
  describe(`a line over an emulated ${modem}`, () => {
    it('is known by what the module says, and tells its signal', async () => {
      const { line, written } = await started(modem);
      expect(line.status.state).toBe('idle');
      expect(line.traits).toEqual({ profile: modem, duplex: 'full', signalDbm: -71 });
      expect(JSON.stringify(line.status)).not.toContain('000000000000000');
      for (const command of ['ATE0', 'AT+CLIP=1', 'AT+CPIN?', 'AT+CREG?']) expect(written()).toContain(command);
    });

    it('dials, knows the answer for real, and carries sound both ways without a gap', async () => {
      const module = await started(modem);
      const before = module.clock.now();
      const call = await dialled(module);
      expect(module.clock.now() - before).toBeGreaterThan(1500);
      expect(call.answer).toEqual({ kind: 'real', by: 'cellular' });
      expect(module.line.status.state).toBe('busy');
      const { hz, samples } = await talk(module, call, { hz: 440, ms: 10_000 });
      expect(hz).toBeCloseTo(700, -1);
      expect(Math.abs(samples - 80_000)).toBeLessThanOrEqual(800);
      expect(module.module.exchange.report()?.heardHz).toBeCloseTo(440, -1);
      const { underruns, overruns, bytesHeard, bytesPlayed } = call.statistics;
      expect({ underruns, overruns, cushion: bytesPlayed - bytesHeard }).toEqual({
        underruns: 0,
        overruns: 0,
        cushion: 480,
      });
      expect(module.module.counters).toMatchObject({ underruns: 0, overruns: 0 });
      await module.clock.run(call.hangUp());
      expect(await call.ended).toBe('local');
      expect(module.events.at(-1)).toMatchObject({ event: 'call-ended', endedBy: 'line' });
      expect(module.line.status.state).toBe('idle');
    });

    it('rings with the number, and is answered', async () => {
      const module = await started(modem);
      const { clock, line, rings } = module;
      module.module.exchange.ring({ callerId: { number: '+49301234' }, party: { ...answering, sendHz: 600 } });
      await clock.runUntil(() => rings.length === 1, 2000);
      expect(line.status.state).toBe('ringing');
      expect(rings[0]?.callerId).toEqual({ number: '+49301234', name: undefined, presentation: 'available' });
      await clock.advance(7000);
      expect(rings.length).toBe(1);
      const call = await clock.run(rings[0]?.ring.answer() ?? Promise.reject(new Error('no ring')));
      expect(call.answer).toEqual({ kind: 'real', by: 'own-answer' });
      expect((await talk(module, call)).hz).toBeCloseTo(600, -1);
      expect(module.module.exchange.report()?.heardHz).toBeCloseTo(440, -1);
      await clock.run(call.hangUp());
      expect(line.status.state).toBe('idle');
    });

    it('keeps a withheld number withheld, and tells it from one that is not known', async () => {
      const module = await started(modem);
      for (const [number, presentation] of [
        ['P', 'withheld'],
        ['O', 'unavailable'],
      ] as const) {
        module.module.exchange.ring({ callerId: { number }, party: answering });
        await module.clock.advance(1000);
        expect(module.rings.at(-1)?.callerId).toEqual({ number: undefined, name: undefined, presentation });
        module.module.exchange.giveUp();
        await module.clock.advance(1000);
      }
    });

    it('knows when the caller gives up, with words or without', async () => {
      const module = await started(modem);
      const { clock, rings, commands } = module;
      for (const lose of [undefined, /MISSED_CALL|NO CARRIER|DSCI/]) {
        commands.lose = lose;
        module.module.exchange.ring({ callerId: { number: '123' }, party: answering });
        await clock.advance(4000);
        const ring = rings.at(-1)?.ring;
        expect(ring?.abandoned.aborted).toBe(false);
        module.module.exchange.giveUp();
        await clock.advance(lose ? 9000 : 100);
        expect(ring?.abandoned.reason).toBe('caller-gave-up');
        expect(await faultOf(ring?.answer() ?? Promise.resolve())).toEqual({ code: 'aborted' });
        expect(module.line.status.state).toBe('idle');
      }
    });

    it('ends within 2 s of the far end, also when the module does not say so', async () => {
      const module = await started(modem);
      const { clock, commands } = module;
      for (const lose of [undefined, /VOICE CALL: END|NO CARRIER|DSCI/]) {
        commands.lose = lose;
        const call = await dialled(module);
        await talk(module, call);
        const at = clock.now();
        module.module.exchange.hangUp('silence');
        expect(await clock.run(call.ended)).toBe('far-end');
        expect(clock.now() - at).toBeLessThan(2000);
        await idle(module);
      }
    });

    it('sends keys by the network, and hears them by it', async () => {
      const module = await started(modem);
      const call = await dialled(module);
      const digits: string[] = [];
      call.onDigit((digit) => digits.push(digit));
      await talk(module, call);
      await module.clock.run(Promise.all([call.sendDigits('12#'), call.sendDigits('*0')]));
      await module.clock.advance(2000);
      const sent = module.events.flatMap((event) => (event.event === 'digit' ? [event.digit] : []));
      expect(sent.join('')).toBe('12#*0');
      module.module.exchange.sendDigits('7*A');
      await module.clock.advance(2000);
      expect(digits.join('')).toBe('7*A');
      // They may be the PIN of a mailbox.
      expect(module.logged.join()).not.toMatch(/\+RXDTMF: ?[0-9*#A-D]/);
      expect(await faultOf(call.sendDigits('x'))).toMatchObject({ code: 'modem' });
      expect(await faultOf(call.flash())).toMatchObject({
        code: 'modem',
        detail: expect.stringContaining('no hook flash'),
      });
    });

    it('says why nobody answered', async () => {
      const module = await started(modem);
      const { exchange } = module.module;
      exchange.plan('1', { behaviour: 'unobtainable', answerAfterMs: 0 });
      exchange.plan('2', { behaviour: 'congestion', answerAfterMs: 0 });
      for (const [digits, code] of [
        ['5550000', 'busy'],
        ['5550001', 'no-answer'],
        ['1', 'special-information'],
        ['2', 'congestion'],
      ] as const) {
        expect(await faultOf(dialled(module, digits))).toEqual({ code });
        await idle(module);
      }
      expect(await faultOf(dialled(module, '1,2'))).toMatchObject({
        code: 'modem',
        detail: expect.stringContaining('no pauses'),
      });
      const giveUp = new AbortController();
      module.clock.after(3000, () => giveUp.abort());
      expect(await faultOf(dialled(module, '5550001', giveUp.signal))).toEqual({ code: 'aborted' });
      await idle(module);
      expect((await dialled(module)).answer.kind).toBe('real');
    });

    it('gives up dialling after its time, and the network is told', async () => {
      const module = await started(modem, { dialTimeoutMs: 5000 });
      const before = module.clock.now();
      expect(await faultOf(dialled(module, '5550001'))).toEqual({ code: 'no-answer' });
      expect(module.clock.now() - before).toBeLessThan(6000);
      expect(module.written()).toContain('AT+CHUP');
    });

    it('tells of a waiting call, and is not ended by its end', async () => {
      const module = await started(modem);
      const call = await dialled(module);
      const events: LineEvent[] = [];
      call.onEvent((event) => events.push(event));
      await talk(module, call);
      module.module.exchange.callWaiting();
      await module.clock.advance(100);
      const callerId = { number: '+15559876', name: undefined, presentation: 'available' };
      expect(events).toEqual([{ type: 'call-waiting', callerId }]);
      module.commands.port.send(Buffer.from('\r\nMISSED_CALL: 10:23AM +15559876\r\n\r\nNO CARRIER\r\n'));
      await module.clock.advance(5000);
      expect(module.line.status.state).toBe('busy');
      expect((await talk(module, call)).hz).toBeCloseTo(700, -1);
      module.module.exchange.hangUp('silence');
      expect(await module.clock.run(call.ended, 2000)).toBe('far-end');
    });

    it('rings on when a call comes in the moment of dialling', async () => {
      const module = await started(modem);
      const call = faultOf(module.line.dial('5551234', never));
      module.module.exchange.ring({ callerId: { number: '+49301234' }, party: answering });
      expect(await module.clock.run(call)).toEqual({ code: 'glare' });
      await module.clock.advance(4000);
      expect(module.rings.length).toBe(1);
      const answered = await module.clock.run(module.rings[0]?.ring.answer() ?? Promise.reject(new Error('no ring')));
      expect((await talk(module, answered)).hz).toBeCloseTo(700, -1);
    });

    it('ends a call that has gone silent, where that is wanted', async () => {
      const module = await started(modem, { silenceSeconds: 10 });
      module.module.exchange.plan('3', { behaviour: 'answers', answerAfterMs: 100 });
      const call = await dialled(module, '3');
      const at = module.clock.now();
      expect(await module.clock.run(call.ended)).toBe('silence');
      expect(module.clock.now() - at).toBeLessThan(12_000);
    });

    it('comes back after it was unplugged in a call', async () => {
      const module = await started(modem);
      const call = await dialled(module);
      await talk(module, call);
      module.unplug();
      expect(await module.clock.run(call.ended, 100)).toBe('modem-lost');
      expect(module.line.status.state).toBe('absent');
      await module.clock.advance(20_000);
      module.replug();
      await idle(module, 15_000);
      expect((await talk(module, await dialled(module))).hz).toBeCloseTo(700, -1);
    });

    it('comes back after its sound device alone vanished', async () => {
      const module = await started(modem);
      const call = await dialled(module);
      module.audio.unplug();
      expect(await module.clock.run(call.ended, 100)).toBe('modem-lost');
      await idle(module, 15_000);
      // The call that was left behind is hung up.
      expect(module.events.at(-1)).toMatchObject({ event: 'call-ended', endedBy: 'line' });
    });

    it('notices a module that is silent, garbled, or has lost its settings', async () => {
      const module = await started(modem);
      for (const fault of ['silent', 'garbage', 'lost-ok']) {
        module.module.fault(fault, true);
        await module.clock.runUntil(() => module.line.status.state === 'absent', 120_000);
        module.module.fault(fault, false);
        await idle(module);
      }
      module.module.powerOff();
      await module.clock.advance(40_000);
      await idle(module);
      module.module.exchange.ring({ callerId: { number: '+49301234' }, party: answering });
      await module.clock.advance(1000);
      expect(module.rings.at(-1)?.callerId.number).toBe('+49301234');
    });

    it('ends a call whose module stops answering', async () => {
      const module = await started(modem);
      const call = await dialled(module);
      await talk(module, call);
      module.module.fault('silent', true);
      expect(await module.clock.run(call.ended, 15_000)).toBe('modem-lost');
      module.module.fault('silent', false);
      await idle(module);
      expect(module.events.at(-1)).toMatchObject({ event: 'call-ended', endedBy: 'line' });
    });

    it('is absent without network, and back with it', async () => {
      const module = await started(modem);
      module.module.exchange.cut(true);
      await module.clock.advance(35_000);
      expect(module.line.status).toMatchObject({
        state: 'absent',
        reason: expect.stringContaining('no mobile network'),
      });
      expect(await faultOf(dialled(module))).toEqual({ code: 'line-unavailable', state: 'absent' });
      expect(module.line.traits?.signalDbm).toBeUndefined();
      module.module.exchange.cut(false);
      await idle(module, 6000);
    });

    it('says that the SIM card wants its PIN, and is ready once it does not', async () => {
      const module = simulatedModule(modem);
      module.module.fault('card-locked', true);
      await module.clock.run(module.line.start());
      expect(module.line.status).toMatchObject({ state: 'absent', reason: expect.stringContaining('wants its PIN') });
      module.module.fault('card-locked', false);
      await idle(module, 20_000);
    });

    it('tells when the module takes no sound, and restarts it after the call', async () => {
      const module = await started(modem);
      const call = await dialled(module);
      await talk(module, call);
      module.module.fault('uplink-stall', true);
      const { hz } = await talk(module, call, { ms: 8000 });
      expect(hz).toBeCloseTo(700, -1);
      expect(call.statistics.overruns).toBeGreaterThan(0);
      expect(module.warnings.filter((warning) => warning.includes('takes no sound')).length).toBe(1);
      module.module.fault('uplink-stall', false);
      await module.clock.run(call.hangUp());
      await module.clock.advance(100);
      expect(module.restarts()).toBe(1);
      await idle(module);
      expect(module.restarts()).toBe(1);
    });

    it('finds sound that degrades from the second call on, and restarts the module between calls', async () => {
      const module = await started(modem);
      module.module.fault('degrading', true);
      const call = async () => {
        const made = await dialled(module);
        const { samples } = await talk(module, made, { ms: 20_000 });
        expect(module.restarts()).toBe(restarts);
        await module.clock.run(made.hangUp());
        return samples;
      };
      let restarts = 0;
      expect(await call()).toBeGreaterThan(159_000);
      await idle(module);
      expect(await call()).toBeLessThan(125_000);
      restarts = 1;
      await module.clock.advance(100);
      expect(module.restarts()).toBe(1);
      expect(module.line.status).toMatchObject({ state: 'absent', reason: expect.stringContaining('restarted') });
      await idle(module);
      expect(await call()).toBeGreaterThan(159_000);
    });

    it('hangs up and gives its devices back when it is stopped in a call', async () => {
      const module = await started(modem);
      const call = await dialled(module);
      await module.clock.run(module.line.stop());
      expect(await call.ended).toBe('local');
      expect(module.events.at(-1)).toMatchObject({ event: 'call-ended', endedBy: 'line' });
      expect([module.commands.listener, module.audio.listener]).toEqual([undefined, undefined]);
      expect(module.line.status).toEqual({ state: 'absent', reason: 'stopped' });
    });
  });
}

describe('a module that tells of the answer when the far end begins to ring', () => {
  it('has an inferred answer, as its profile says', async () => {
    const given = profileNamed(builtInProfiles, 'sim7600');
    if (given.kind !== 'cellular') throw new Error('sim7600 is a cellular module');
    const module = await started('sim7600', { profile: { ...given, call: { ...given.call, early_answer: true } } });
    module.module.fault('early-begin', true);
    module.module.exchange.plan('5551234', { ...answering, answerAfterMs: 5000 });
    const call = await dialled(module);
    expect(module.events.some(({ event }) => event === 'answered')).toBe(false);
    expect(call.answer).toEqual({ kind: 'inferred', by: 'modem' });
  });
});

describe('a module that does not switch sound on at once', () => {
  for (const [how, lose] of [
    ['tells of the answer', undefined],
    ['is asked whether the call is answered', /VOICE CALL: BEGIN/],
  ] as const) {
    it(`is restarted behind a call of three seconds, where it ${how}`, async () => {
      const module = await started('sim7600');
      module.module.fault('degrading', true);
      module.commands.lose = lose;
      for (const restarts of [0, 1]) {
        const call = await dialled(module);
        await talk(module, call, { ms: 3000 });
        await module.clock.run(call.hangUp());
        await module.clock.advance(100);
        expect(module.restarts()).toBe(restarts);
      }
      expect(module.warnings.some((warning) => warning.includes('does not switch sound on at once'))).toBe(true);
      await idle(module);
    });
  }
});
