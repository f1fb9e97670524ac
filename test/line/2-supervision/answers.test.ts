import { describe, expect, it } from 'vitest';
import { silence } from '#media/g711.ts';
import { countries } from '#pstn/countries.ts';
import type { Party } from '#pstn/emulator/number-plan.ts';
import { networkTone } from '#pstn/emulator/sound-source.ts';
import type { LineCall } from '#pstn/line.ts';
import { shield } from '#pstn/modem/dle.ts';
import type { ModemLineOptions } from '#pstn/modem/modem-line.ts';
import { scriptedModem } from '../../pstn/scripted-modem.ts';
import { babble, conversation, genericProfile, mute, started } from './calls.ts';

const never = () => new AbortController().signal;

/** A modem whose ATD answers OK once it has dialled: what becomes of the call is for us to hear. */
async function dialled(party: Partial<Party>, modem: Partial<ModemLineOptions> = mute): Promise<LineCall> {
  const { clock, emulated, line } = await started({ dialResultAtOnce: true }, modem);
  emulated.exchange.plan('1', { behaviour: 'answers', answerAfterMs: 3000, ...party });
  return clock.run(line.dial('1', never()), 60_000);
}

describe('how the answer is known', () => {
  it('of a ring that we answer: by ourselves', async () => {
    const { call } = await conversation();
    expect(call.answer).toEqual({ kind: 'real', by: 'own-answer' });
  });

  it('of a modem that says VCON: inferred by the modem', async () => {
    const { clock, emulated, line } = await started();
    emulated.exchange.plan('1', { behaviour: 'answers', answerAfterMs: 3000, sendSound: babble(10) });
    const call = await clock.run(line.dial('1', never()), 20_000);
    expect(call.answer).toEqual({ kind: 'inferred', by: 'modem' });
  });

  it('by a voice', async () => {
    const call = await dialled({ sendSound: babble(10) });
    expect(call.answer).toEqual({ kind: 'inferred', by: 'voice' });
  });

  it('by ringback that stops, where the far end says nothing', async () => {
    const call = await dialled({ sendSound: silence(8000), answerAfterMs: 9000 });
    expect(call.answer).toEqual({ kind: 'inferred', by: 'ringback-gone' });
  });

  it('by ringback that never comes', async () => {
    const call = await dialled({ behaviour: 'silent' });
    expect(call.answer).toEqual({ kind: 'inferred', by: 'no-ringback' });
  });

  it('by polarity, which is real', async () => {
    const call = await dialled({ reversal: true, sendSound: silence(8000) }, {});
    expect(call.answer).toEqual({ kind: 'real', by: 'polarity' });
  });
});

describe.each(['US', 'GB', 'DE', 'IT', 'IN', 'JP'] as const)('in %s a call that is not answered', (country) => {
  it.each([
    ['busy', 'busy'],
    ['congestion', 'congestion'],
    ['unobtainable', 'special-information'],
  ] as const)('because of %s fails as %s by our own ear', async (behaviour, code) => {
    const { clock, emulated, line, find } = await started({ dialResultAtOnce: true, country }, { ...mute, country });
    emulated.exchange.plan('1', { behaviour, answerAfterMs: 0 });
    const expected = country === 'JP' && code === 'congestion' ? 'busy' : code;
    await expect(clock.run(line.dial('1', never()), 30_000)).rejects.toMatchObject({ fault: { code: expected } });
    expect(find('on-hook')).toBeDefined();
    expect(line.status.state).toBe('idle');
  });

  it('rings on, and is given up after the time allowed', async () => {
    const modem = { ...mute, country, dialTimeoutMs: 40_000 };
    const { clock, emulated, line } = await started({ dialResultAtOnce: true, country }, modem);
    emulated.exchange.plan('1', { behaviour: 'no-answer', answerAfterMs: 0 });
    await expect(clock.run(line.dial('1', never()), 60_000)).rejects.toMatchObject({ fault: { code: 'no-answer' } });
  });
});

describe('glare', () => {
  it('gives up dialling when the line rings in that moment, and announces the ring', async () => {
    const { clock, emulated, line, rings, find } = await started();
    emulated.exchange.ring({ callerId: { number: '5551234' }, party: { behaviour: 'answers', answerAfterMs: 0 } });
    await expect(clock.run(line.dial('1', never()), 10_000)).rejects.toMatchObject({ fault: { code: 'glare' } });
    expect(find('off-hook')).toBeUndefined();
    await clock.runUntil(() => rings.length > 0, 15_000);
    const call = await clock.run(rings[0]!.ring.answer());
    expect(call.answer.by).toBe('own-answer');
  });
});

describe('a modem that only goes off hook', () => {
  const own: Partial<ModemLineOptions> = { profile: { ...genericProfile, dialling: 'own' } };

  it.each(['US', 'DE', 'IT', 'IN', 'TR'] as const)(
    'in %s has us hear the dial tone, dial and hear the answer',
    async (country) => {
      const { clock, emulated, line, find, written } = await started({ country }, { ...own, country });
      emulated.exchange.plan('5551234', { behaviour: 'answers', answerAfterMs: 5000, sendSound: babble(30) });
      const call = await clock.run(line.dial('5551234', never()), 30_000);
      expect(find('dialled')).toEqual({ event: 'dialled', number: '5551234' });
      expect(call.answer).toEqual({ kind: 'inferred', by: 'voice' });
      expect(written()).not.toContain('ATD');
      await clock.run(call.hangUp());
      expect(line.status.state).toBe('idle');
    },
  );

  it('rings on where nobody answers, and is given up after the time allowed', async () => {
    const { clock, emulated, line } = await started({}, { ...own, dialTimeoutMs: 25_000 });
    emulated.exchange.plan('5551234', { behaviour: 'no-answer', answerAfterMs: 0 });
    const failed = expect(clock.run(line.dial('5551234', never()), 60_000));
    await failed.rejects.toMatchObject({ fault: { code: 'no-answer' } });
  });

  it('says so when there is no dial tone', async () => {
    const { clock, emulated, line } = await started({}, own);
    emulated.exchange.cut(true);
    await expect(clock.run(line.dial('1', never()), 30_000)).rejects.toMatchObject({ fault: { code: 'no-dial-tone' } });
    expect(line.status.state).toBe('idle');
  });

  it('dials into no conversation of others, and takes no echo of its digits for an answer', async () => {
    const { clock, line, say } = scriptedModem({}, own);
    const play = (sound: Uint8Array) => say(Buffer.from(shield(sound)).toString('latin1'));
    await clock.run(line.start());
    const talked = expect(line.dial('1', never())).rejects.toMatchObject({
      fault: { code: 'line-unavailable', state: 'in-use' },
    });
    await clock.advance(100);
    play(babble(2));
    await clock.runUntil(() => line.status.state === 'idle', 10_000);
    await talked;

    const dialled = line.dial('5551234', never());
    await clock.advance(100);
    play(networkTone(countries.US.dial).next(10_400));
    play(babble(1));
    await clock.advance(100);
    expect(line.status.state).toBe('dialling');
    play(silence(8000));
    play(babble(1));
    const call = await clock.run(dialled);
    expect(call.answer).toEqual({ kind: 'inferred', by: 'voice' });
  });

  it('waits with the digits as long as the commas say', async () => {
    const { clock, emulated, line, events } = await started({}, own);
    emulated.exchange.plan('1', { behaviour: 'busy', answerAfterMs: 0 });
    await expect(clock.run(line.dial('1,', never()), 30_000)).rejects.toMatchObject({ fault: { code: 'busy' } });
    expect(events.some(({ event }) => event === 'dialled')).toBe(true);
  });
});
