import { describe, expect, it } from 'vitest';
import { conversation, genericProfile, mute, started } from './calls.ts';

const never = () => new AbortController().signal;

describe.each(['handset', 'extension'] as const)('a telephone beside the modem (%s)', (by) => {
  it('makes the line in use while it is off hook, and nobody dials into it', async () => {
    const { clock, emulated, line, statuses } = await started();
    emulated.exchange.telephone(by, true);
    await clock.advance(50);
    expect(line.status).toMatchObject({ state: 'in-use', by });
    await expect(line.dial('1', never())).rejects.toMatchObject({
      fault: { code: 'line-unavailable', state: 'in-use' },
    });
    // Looking after the modem changes nothing about it.
    await clock.advance(65_000);
    expect(line.status.state).toBe('in-use');
    emulated.exchange.telephone(by, false);
    await clock.advance(50);
    expect(line.status.state).toBe('idle');
    expect(statuses.map(({ state }) => state).slice(-2)).toEqual(['in-use', 'idle']);
  });

  it('that is lifted while it rings takes the call', async () => {
    const { clock, emulated, line, rings } = await started();
    const party = { behaviour: 'answers', answerAfterMs: 0 } as const;
    emulated.exchange.ring({ callerId: { number: '5551234', name: 'A' }, party });
    await clock.runUntil(() => rings.length > 0, 15_000);
    emulated.exchange.telephone(by, true);
    await clock.advance(50);
    expect(rings[0]!.ring.abandoned.reason).toBe('answered-elsewhere');
    expect(line.status).toMatchObject({ state: 'in-use', by });
    await expect(rings[0]!.ring.answer()).rejects.toMatchObject({ fault: { code: 'aborted' } });
  });

  it('that is lifted in a call is told, and the call goes on', async () => {
    const talk = await conversation();
    talk.emulated.exchange.telephone(by, true);
    await talk.clock.advance(2000);
    expect(talk.told).toEqual([{ type: 'telephone', by, offHook: true }]);
    expect(talk.line.status.state).toBe('busy');
  });

  it('that is still lifted when our side hangs up keeps the line in use until it is put down', async () => {
    const talk = await conversation();
    talk.emulated.exchange.telephone(by, true);
    await talk.clock.advance(1000);
    await talk.clock.run(talk.call.hangUp());
    expect(talk.line.status).toMatchObject({ state: 'in-use', by });
    await expect(talk.line.dial('1', never())).rejects.toMatchObject({
      fault: { code: 'line-unavailable', state: 'in-use' },
    });
    await talk.clock.advance(65_000);
    expect(talk.line.status).toMatchObject({ state: 'in-use', by });
    talk.emulated.exchange.telephone(by, false);
    await talk.clock.advance(50);
    expect(talk.line.status.state).toBe('idle');
  });

  it('that was put down before our side hangs up, or while it does, leaves the line free', async () => {
    const talk = await conversation();
    talk.emulated.exchange.telephone(by, true);
    await talk.clock.advance(2000);
    const over = talk.call.hangUp();
    talk.emulated.exchange.telephone(by, false);
    await talk.clock.run(over);
    expect(talk.line.status.state).toBe('idle');
  });
});

it('stays in use while one of two telephones is lifted, and is free at the latest when it rings', async () => {
  const { clock, emulated, line, rings } = await started();
  emulated.exchange.telephone('handset', true);
  emulated.exchange.telephone('extension', true);
  emulated.exchange.telephone('extension', false);
  await clock.advance(50);
  expect(line.status).toMatchObject({ state: 'in-use', by: 'handset' });
  emulated.exchange.ring({ party: { behaviour: 'answers', answerAfterMs: 0 } });
  await clock.runUntil(() => rings.length > 0, 15_000);
  emulated.exchange.giveUp();
  await clock.runUntil(() => line.status.state !== 'ringing', 15_000);
  expect(line.status.state).toBe('idle');
});

describe('a waiting call', () => {
  it('is told where the modem alone hears it', async () => {
    const talk = await conversation();
    await talk.clock.advance(1000);
    talk.inject('\x10w');
    await talk.clock.advance(1000);
    expect(talk.told).toEqual([{ type: 'call-waiting', callerId: undefined }]);
    expect(talk.line.status.state).toBe('busy');
  });

  it('is told once, although both modem and ear hear it', async () => {
    const talk = await conversation();
    await talk.clock.advance(1000);
    expect(talk.emulated.exchange.callWaiting()).toBe(true);
    await talk.clock.advance(2000);
    talk.emulated.exchange.callWaiting();
    await talk.clock.advance(2000);
    expect(talk.told).toEqual([{ type: 'call-waiting', callerId: undefined }]);
  });

  it.each(['US', 'DE', 'GB', 'FR', 'IL'] as const)(
    'is heard in %s where the modem reports nothing',
    async (country) => {
      const talk = await conversation({ country }, { country, ...mute });
      await talk.clock.advance(1000);
      talk.emulated.exchange.callWaiting();
      await talk.clock.advance(3000);
      expect(talk.told.filter(({ type }) => type === 'call-waiting')).toHaveLength(1);
      expect(talk.line.status.state).toBe('busy');
    },
  );
});

describe('a flash', () => {
  it('interrupts the loop and has the sound flow again', async () => {
    const talk = await conversation();
    await talk.clock.advance(500);
    await talk.clock.run(talk.call.flash(), 10_000);
    expect(talk.find('flash')).toBeDefined();
    expect(talk.written()).toContain('AT+VTS=!\r');
    const before = talk.call.statistics.bytesHeard;
    await talk.clock.advance(1000);
    expect(talk.call.statistics.bytesHeard - before).toBeGreaterThan(7000);
  });

  it('has dial tone and busy behind it end nothing: they belong to the second call', async () => {
    const talk = await conversation();
    await talk.clock.advance(500);
    await talk.clock.run(talk.call.flash(), 10_000);
    talk.emulated.exchange.hangUp('dial-tone');
    await talk.clock.advance(8000);
    expect(talk.line.status.state).toBe('busy');
  });

  it('is refused where the modem has none', async () => {
    const talk = await conversation({}, { profile: { ...genericProfile, flash: false } });
    await expect(talk.clock.run(talk.call.flash(), 10_000)).rejects.toMatchObject({ fault: { code: 'modem' } });
  });
});
