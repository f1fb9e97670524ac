import { describe, expect, it } from 'vitest';
import { silence } from '#media/g711.ts';
import { countries } from '#pstn/countries.ts';
import { hybridShapes } from '#pstn/emulator/hybrid.ts';
import { networkTone } from '#pstn/emulator/sound-source.ts';
import { babble, conversation, endOf, mute, started } from './calls.ts';

const DLE = '\x10';
const quiet = { sendSound: silence(8000) };

describe('what the modem reports of a call in which nobody speaks', () => {
  it.each([
    ['b', 'busy-tone'],
    ['K', 'busy-tone'],
    ['d', 'dial-tone'],
    ['i', 'dial-tone'],
    ['J', 'special-information'],
    ['l', 'loop-drop'],
    ['L', 'polarity-reversal'],
  ] as const)('ends it at once by <DLE>%s', async (code, hangup) => {
    const talk = await conversation({}, {}, quiet);
    await talk.clock.advance(2000);
    const { why, after } = await endOf(talk, () => talk.inject(`${DLE}${code}`));
    expect(why).toBe(hangup);
    expect(after).toBeLessThan(500);
  });

  it('does not end it by silence of the far end alone', async () => {
    const talk = await conversation({}, {}, quiet);
    for (const code of ['s', 'q']) talk.inject(`${DLE}${code}`);
    await talk.clock.advance(3000);
    expect(talk.line.status.state).toBe('busy');
  });
});

describe('what the modem reports while a voice is heard', () => {
  it.each(['b', 'K', 'd', 'i', 'J', 's', 'q'])(
    '<DLE>%s does not end the call while the voice goes on',
    async (code) => {
      const talk = await conversation();
      await talk.clock.advance(2000);
      talk.inject(`${DLE}${code}`);
      await talk.clock.advance(5000);
      expect(talk.line.status.state).toBe('busy');
    },
  );

  it('ends it within two seconds when the voice stops there', async () => {
    const talk = await conversation({}, {}, { sendSound: babble(2) });
    await talk.clock.advance(1900);
    const { why, after } = await endOf(talk, () => talk.inject(`${DLE}b`));
    expect(why).toBe('busy-tone');
    expect(after).toBeLessThan(2000);
  });

  it('ends it when the modem insists', async () => {
    const talk = await conversation();
    await talk.clock.advance(2000);
    for (let i = 0; i < 2; i++) {
      talk.inject(`${DLE}b`);
      await talk.clock.advance(1500);
    }
    const { why, after } = await endOf(talk, () => talk.inject(`${DLE}b`));
    expect(why).toBe('busy-tone');
    expect(after).toBeLessThan(500);
  });

  it('believes the loop at once', async () => {
    const talk = await conversation();
    await talk.clock.advance(2000);
    const { why, after } = await endOf(talk, () => talk.inject(`${DLE}l`));
    expect(why).toBe('loop-drop');
    expect(after).toBeLessThan(500);
  });
});

describe('the voltage of the line', () => {
  it('that drops and comes back within a second is the far end hanging up', async () => {
    const talk = await conversation();
    await talk.clock.advance(1000);
    const { why, after } = await endOf(talk, () => {
      talk.inject(`${DLE}P`);
      talk.clock.after(700, () => talk.inject(`${DLE}p`));
    });
    expect(why).toBe('loop-drop');
    expect(after).toBeLessThan(2000);
  });

  it('that stays low is a telephone that somebody lifted: the call goes on', async () => {
    const talk = await conversation();
    talk.emulated.exchange.telephone('extension', true);
    await talk.clock.advance(3000);
    talk.emulated.exchange.telephone('extension', false);
    await talk.clock.advance(1000);
    expect(talk.line.status.state).toBe('busy');
    expect(talk.told).toEqual([
      { type: 'telephone', by: 'extension', offHook: true },
      { type: 'telephone', by: 'extension', offHook: false },
    ]);
  });
});

describe('polarity', () => {
  it('reversed at the answer and back again is the end of a call that we made', async () => {
    const simulated = await started();
    const { clock, emulated, line } = simulated;
    emulated.exchange.plan('1', { behaviour: 'answers', answerAfterMs: 4000, reversal: true, sendSound: babble(30) });
    const call = await clock.run(line.dial('1', new AbortController().signal), 20_000);
    expect(call.answer).toEqual({ kind: 'real', by: 'polarity' });
    await clock.advance(2000);
    const since = clock.now();
    emulated.exchange.hangUp('polarity-reversal');
    expect(await clock.run(call.ended)).toBe('polarity-reversal');
    expect(clock.now() - since).toBeLessThan(500);
  });

  it('reversed while we talk already makes an inferred answer a real one, and ends nothing', async () => {
    const { clock, emulated, line, inject } = await started();
    emulated.exchange.plan('1', { behaviour: 'answers', answerAfterMs: 1000, sendSound: babble(30) });
    const call = await clock.run(line.dial('1', new AbortController().signal), 20_000);
    expect(call.answer).toEqual({ kind: 'inferred', by: 'modem' });
    inject(`${DLE}L`);
    await clock.advance(1000);
    expect(call.answer).toEqual({ kind: 'real', by: 'polarity' });
    expect(line.status.state).toBe('busy');
    inject(`${DLE}L`);
    expect(await clock.run(call.ended)).toBe('polarity-reversal');
  });
});

describe('silence', () => {
  it('of both sides ends the call after the time configured', async () => {
    const talk = await conversation({}, { silenceSeconds: 20 }, { sendSound: babble(3) });
    await talk.clock.advance(3000);
    const { why, after } = await endOf(talk, () => talk.emulated.exchange.hangUp('silence'), 60_000);
    expect(why).toBe('silence');
    expect(after).toBeGreaterThan(18_500);
    expect(after).toBeLessThan(21_000);
  });

  it('of one side ends nothing, whichever it is', async () => {
    const heard = await conversation({}, { silenceSeconds: 10 });
    await heard.clock.advance(25_000);
    expect(heard.line.status.state).toBe('busy');

    const spoken = await conversation({}, { silenceSeconds: 10 }, quiet);
    const voice = babble(40);
    let at = 0;
    spoken.call.connect((samples) => {
      at += samples.length;
      return voice.subarray(at - samples.length, at);
    });
    await spoken.clock.advance(30_000);
    expect(spoken.line.status.state).toBe('busy');
  });

  it('ends nothing where it is not asked for', async () => {
    const talk = await conversation({}, {}, quiet);
    await talk.clock.advance(120_000);
    expect(talk.line.status.state).toBe('busy');
  });
});

describe('a busy tone that we play to the line ourselves', () => {
  it('ends nothing when its echo comes back', async () => {
    const hybrid = { shape: hybridShapes[0], erlDb: 6 };
    const talk = await conversation({}, mute, { ...quiet, hybrid });
    const tone = networkTone(countries.US.busy);
    talk.call.connect((samples) => tone.next(samples.length));
    await talk.clock.advance(8000);
    expect(talk.line.status.state).toBe('busy');
    // Once we are quiet again, the exchange's own is believed.
    talk.call.connect((samples) => silence(samples.length));
    await talk.clock.advance(3000);
    const { why } = await endOf(talk, () => talk.emulated.exchange.hangUp('busy-tone'));
    expect(why).toBe('busy-tone');
  });
});
