import { describe, expect, it } from 'vitest';
import { BUSY_NUMBER, CALLBACK_NUMBER, NO_ANSWER_NUMBER } from '#pstn/emulator/number-plan.ts';
import { scriptedModem } from './scripted-modem.ts';
import { type SimulatedLine, simulatedLine } from './simulated-line.ts';

async function ready(...options: Parameters<typeof simulatedLine>): Promise<SimulatedLine> {
  const simulated = simulatedLine(...options);
  await simulated.clock.run(simulated.line.start());
  return simulated;
}

const never = () => new AbortController().signal;

describe('dialling', () => {
  it('reaches the exchange as DTMF and resolves soon after the answer', async () => {
    const { clock, line, find, events } = await ready();
    const call = await clock.run(line.dial('5551234', never()));
    expect(find('dialled')).toEqual({ event: 'dialled', number: '5551234' });
    expect(events.map(({ event }) => event)).toEqual(['off-hook', 'dialling', 'dialled', 'answered']);
    await clock.run(call.hangUp());
    expect(line.status.state).toBe('idle');
  });

  it('waits for a dial tone where the number says so', async () => {
    const { clock, line, find } = await ready();
    const call = await clock.run(line.dial('W5551234', never()));
    expect(find('dialled')).toEqual({ event: 'dialled', number: '5551234' });
    await clock.run(call.hangUp());
    // This exchange gives no second one.
    await expect(clock.run(line.dial('9W5551234', never()))).rejects.toMatchObject({ fault: { code: 'no-dial-tone' } });
  });

  it('fails as busy', async () => {
    const { clock, line } = await ready();
    await expect(clock.run(line.dial(BUSY_NUMBER, never()))).rejects.toMatchObject({ fault: { code: 'busy' } });
    expect(line.status.state).toBe('idle');
  });

  it('fails as no answer after the time given', async () => {
    const { clock, line, find } = await ready({}, { dialTimeoutMs: 20_000 });
    await expect(clock.run(line.dial(NO_ANSWER_NUMBER, never()))).rejects.toMatchObject({
      fault: { code: 'no-answer' },
    });
    expect(find('on-hook')).toBeDefined();
    expect(line.status.state).toBe('idle');
  });

  it('stops when given up, with the line on hook', async () => {
    const { clock, line, find } = await ready();
    const giveUp = new AbortController();
    const dial = line.dial(NO_ANSWER_NUMBER, giveUp.signal);
    const refused = expect(dial).rejects.toMatchObject({ fault: { code: 'aborted' } });
    await clock.advance(5000);
    giveUp.abort();
    await clock.runUntil(() => line.status.state === 'idle', 5000);
    await refused;
    expect(find('on-hook')).toBeDefined();
  });

  it('maps every refusal of a modem', async () => {
    for (const [answer, fault] of [
      ['NO DIALTONE', { code: 'no-dial-tone' }],
      ['NO DIAL TONE', { code: 'no-dial-tone' }],
      ['NO LINE', { code: 'no-dial-tone' }],
      ['NO ANSWER', { code: 'no-answer' }],
      ['NO CARRIER', { code: 'no-answer' }],
      ['BUSY', { code: 'busy' }],
      ['LINE IN USE', { code: 'line-unavailable', state: 'in-use' }],
      ['ERROR', { code: 'modem' }],
    ] as const) {
      const { clock, line } = scriptedModem({ ATDT1: answer });
      await clock.run(line.start());
      await expect(clock.run(line.dial('1', never()))).rejects.toMatchObject({ fault });
      expect(line.status.state).toBe('idle');
    }
  });

  it('refuses what is no number, and a line that is in use', async () => {
    const { clock, line } = await ready();
    for (const digits of ['', '12a', '1;ATZ', '1\r', '1'.repeat(65)]) {
      await expect(line.dial(digits, never())).rejects.toMatchObject({ fault: { code: 'modem' } });
    }
    const call = await clock.run(line.dial('1', never()));
    await expect(line.dial('2', never())).rejects.toMatchObject({ fault: { code: 'line-unavailable', state: 'busy' } });
    await clock.run(call.hangUp());
  });

  it('infers the answer of a silent far end from ringback that stopped (+VRA) or never came (+VRN)', async () => {
    const stopped = await ready();
    stopped.emulated.exchange.plan('1', { behaviour: 'answers', answerAfterMs: 3000 });
    const call = await stopped.clock.run(stopped.line.dial('1', never()), 20_000);
    expect(call.statistics.bytesHeard).toBe(0);

    const never1 = await ready();
    never1.emulated.exchange.plan('2', { behaviour: 'silent', answerAfterMs: 0 });
    const since = never1.clock.now();
    await never1.clock.run(never1.line.dial('2', never()), 20_000);
    expect(never1.clock.now() - since).toBeGreaterThan(10_000);
  });

  it('listens itself when the modem only dials: ringback reports, their end, busy tone', async () => {
    const answered = await ready({ dialResultAtOnce: true });
    answered.emulated.exchange.plan('1', { behaviour: 'answers', answerAfterMs: 3000 });
    const call = await answered.clock.run(answered.line.dial('1', never()), 30_000);
    await answered.clock.run(call.hangUp());
    const busy = await ready({ dialResultAtOnce: true });
    await expect(busy.clock.run(busy.line.dial(BUSY_NUMBER, never()), 30_000)).rejects.toMatchObject({
      fault: { code: 'busy' },
    });
    const unanswered = await ready({ dialResultAtOnce: true }, { dialTimeoutMs: 30_000 });
    await expect(unanswered.clock.run(unanswered.line.dial(NO_ANSWER_NUMBER, never()))).rejects.toMatchObject({
      fault: { code: 'no-answer' },
    });
  });

  it('is called back by the number that does so', async () => {
    const { clock, line, rings } = await ready();
    const call = await clock.run(line.dial(CALLBACK_NUMBER, never()));
    await clock.advance(1000);
    await clock.run(call.hangUp());
    await clock.runUntil(() => rings.length === 1, 15_000);
    expect(rings[0]?.callerId).toEqual({ number: '5551170', name: 'CALLBACK TEST', presentation: 'available' });
  });

  it('waits for a look at the modem to end before it dials', async () => {
    const { clock, line, commands, say } = scriptedModem({ 'AT+FCLASS?': undefined, ATDT1: 'VCON' });
    await clock.run(line.start());
    await clock.advance(30_000);
    expect(commands.at(-1)).toBe('AT+FCLASS?');
    const dial = line.dial('1', never());
    await clock.advance(100);
    expect(commands.at(-1)).toBe('AT+FCLASS?');
    say('\r\nOK\r\n');
    await clock.run(dial);
    expect(commands).toContain('ATDT1');
  });
});

describe('DTMF', () => {
  async function inCall(...options: Parameters<typeof simulatedLine>) {
    const simulated = await ready(...options);
    const call = await simulated.clock.run(simulated.line.dial('5551234', never()));
    return { ...simulated, call };
  }

  it('is heard once per key press, although the modem repeats it', async () => {
    const { clock, call, emulated } = await inCall();
    const digits: string[] = [];
    call.onDigit((digit) => digits.push(digit));
    await clock.advance(500);
    emulated.exchange.sendDigits('1155*#0A');
    await clock.advance(3000);
    expect(digits.join('')).toBe('1155*#0A');
  });

  it('tells bare repeated reports from a second press', async () => {
    const { clock, line, say, sound } = scriptedModem({ ATDT1: 'VCON' });
    await clock.run(line.start());
    const call = await clock.run(line.dial('1', never()));
    const digits: string[] = [];
    call.onDigit((digit) => digits.push(digit));
    for (let i = 0; i < 4; i++) {
      say('\x105');
      sound(560);
    }
    sound(1600);
    say('\x105');
    expect(digits).toEqual(['5', '5']);
  });

  it('goes out as tones within the sound, which the exchange hears', async () => {
    const { clock, call, find, events } = await inCall();
    await clock.run(call.sendDigits('159*0#D'));
    await clock.advance(500);
    expect(events.flatMap((event) => (event.event === 'digit' ? [event.digit] : [])).join('')).toBe('159*0#D');
    await clock.run(call.hangUp());
    expect(find('call-ended')?.digits).toBe('159*0#D');
  });

  it('goes out by +VTS where that is asked for, and the sound flows again', async () => {
    const { clock, call, find, written, emulated } = await inCall({}, { dtmf: 'vts' });
    let heard = 0;
    call.connect((samples) => {
      heard += samples.length;
      return samples;
    });
    await clock.advance(500);
    await clock.run(call.sendDigits('12#'), 10_000);
    expect(written()).toContain('AT+VTS=1,2,#\r');
    const before = heard;
    await clock.advance(1000);
    expect(heard - before).toBeGreaterThan(7000);
    expect(emulated.exchange.report()?.digits).toBe('12#');
    await clock.run(call.hangUp());
    expect(find('call-ended')?.digits).toBe('12#');
  });

  it('goes out by one +VTS after the other when keys are pressed faster than that', async () => {
    const { clock, call, emulated } = await inCall({}, { dtmf: 'vts' });
    await clock.advance(500);
    await clock.run(Promise.all(['1', '2', '#'].map((digit) => call.sendDigits(digit))), 20_000);
    expect(emulated.exchange.report()?.digits).toBe('12#');
    const waiting = Promise.all(['3', '4'].map((digit) => call.sendDigits(digit)));
    await clock.run(call.hangUp());
    await waiting;
  });

  it('drops digits while 64 wait to be sent, and takes further ones once there is room', async () => {
    const { clock, call, emulated } = await inCall();
    const sent = Promise.all(['1'.repeat(60), '2345'].map((digits) => call.sendDigits(digits)));
    await expect(call.sendDigits('6')).rejects.toThrow(/64 digits wait/);
    await clock.run(sent, 30_000);
    await clock.run(call.sendDigits('7'));
    await clock.advance(500);
    expect(emulated.exchange.report()?.digits).toBe(`${'1'.repeat(60)}23457`);
  });

  it('refuses what is no digit', async () => {
    const { call } = await inCall();
    await expect(call.sendDigits('1x')).rejects.toMatchObject({ fault: { code: 'modem' } });
    await expect(call.sendDigits('')).rejects.toMatchObject({ fault: { code: 'modem' } });
  });
});

describe('a sound exchange that misbehaves', () => {
  it('does not put the line out of step', async () => {
    const { clock, line } = await ready();
    const call = await clock.run(line.dial('5551234', never()));
    let turn = 0;
    call.connect((samples) => {
      turn++;
      if (turn % 3 === 0) throw new Error('out of order');
      return turn % 3 === 1 ? new Uint8Array(0) : new Uint8Array(samples.length + 5);
    });
    await clock.advance(2000);
    expect(call.statistics.bytesPlayed).toBe(call.statistics.bytesHeard + 480);
    expect(call.statistics.underruns).toBe(0);
    await clock.run(call.hangUp());
  });
});
