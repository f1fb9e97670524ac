import { describe, expect, it } from 'vitest';
import { silence } from '#media/g711.ts';
import type { Party } from '#pstn/emulator/number-plan.ts';
import type { LineCall } from '#pstn/line.ts';
import type { ModemLineOptions } from '#pstn/modem/modem-line.ts';
import { babble, conversation, mute, started } from './calls.ts';

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
