import { describe, expect, it } from 'vitest';
import { scriptedModem } from './scripted-modem.ts';
import { simulatedLine } from './simulated-line.ts';

describe('getting a modem ready', () => {
  it('resynchronises, identifies by ATI, +FMI and +VSM=?, and sets up voice class with caller ID', async () => {
    const { clock, line, commands } = scriptedModem({
      ATI: '56000\r\n\r\nOK',
      ATI3: 'CX93001-EIS_V0.2013-V92\r\n\r\nOK',
      'AT+FMI?': '+FMI: CONEXANT\r\n\r\nOK',
    });
    await clock.run(line.start());
    expect(line.status).toEqual({ state: 'idle', modem: '56000 CX93001-EIS_V0.2013-V92 CONEXANT' });
    expect(commands).toContain('AT+VSM=131,8000');
    expect(commands).toContain('AT+GCI=B5');
    expect(commands).toContain('AT+VIT=0');
    expect(commands.lastIndexOf('AT+VCID=1')).toBeGreaterThan(commands.lastIndexOf('ATZ'));
  });

  it('takes the country of the line from its options', async () => {
    const { clock, line, commands } = scriptedModem({}, { country: 'DE' });
    await clock.run(line.start());
    expect(commands).toContain('AT+GCI=42');
    // A pause of 4 s in the ringback of Germany, and half a second.
    expect(commands).toContain('AT+VRA=45');
  });

  it('tolerates a modem that refuses flow control, caller ID and country', async () => {
    const { clock, line } = scriptedModem({
      'AT+IFC=2,2': 'ERROR',
      'AT+VCID=1': 'ERROR',
      'AT+GCI=B5': 'ERROR',
      ATZ: 'ERROR',
    });
    await clock.run(line.start());
    expect(line.status.state).toBe('idle');
  });

  it('says why a modem without mu-law is of no use', async () => {
    const { clock, line } = scriptedModem({ 'AT+VSM=?': '129,"IMA ADPCM",4,0,(8000),(0),(0)\r\n\r\nOK' });
    await clock.run(line.start());
    expect(line.status).toMatchObject({ state: 'absent', reason: expect.stringContaining('only: IMA ADPCM') });
  });

  it('says so of a modem that is no voice modem', async () => {
    const { clock, line } = scriptedModem({ 'AT+FCLASS=8': 'ERROR' });
    await clock.run(line.start());
    expect(line.status).toMatchObject({ state: 'absent', reason: expect.stringContaining('no voice modem') });
  });

  it('tries again and again when nobody answers, ever less often', async () => {
    const { clock, line, opened, fallSilent } = scriptedModem();
    fallSilent();
    await clock.run(line.start());
    expect(line.status).toMatchObject({ state: 'absent', reason: expect.stringContaining('does not answer') });
    await clock.advance(300_000);
    expect(opened()).toBeGreaterThan(10);
    expect(opened()).toBeLessThan(60);
    await clock.run(line.stop());
    expect(line.status).toEqual({ state: 'absent', reason: 'stopped' });
  });

  it('recovers a modem that a cut-off program left in duplex, in recording, in playing or in half a command', async () => {
    for (const left of [
      'AT+FCLASS=8\rAT+VLS=1\rAT+VTR\r',
      'AT+FCLASS=8\rAT+VRX\r',
      'AT+FCLASS=8\rAT+VTX\rabc',
      'AT+FCL',
      'AT+FCLASS=8\rATDT5',
    ]) {
      const { clock, line, emulated } = simulatedLine();
      emulated.receive(new TextEncoder().encode(left));
      await clock.advance(500);
      await clock.run(line.start(), 20_000);
      expect(line.status.state).toBe('idle');
    }
  });

  it('leaves duplex by DLE ETX where the modem knows no DLE ^', async () => {
    const { clock, line, emulated, find } = simulatedLine({ duplexExit: 'etx' });
    emulated.exchange.plan('1', { behaviour: 'answers', answerAfterMs: 0, sendHz: 500 });
    await clock.run(line.start());
    const call = await clock.run(line.dial('1', new AbortController().signal));
    await clock.run(call.hangUp());
    expect(find('call-ended')?.endedBy).toBe('line');
    expect(line.status.state).toBe('idle');
  });
});

describe('a vanished modem', () => {
  it('is told when it was missing from the start, and taken up when it comes', async () => {
    const { clock, line, unplug, replug, statuses } = simulatedLine();
    unplug();
    await clock.run(line.start());
    expect(line.status).toEqual({ state: 'absent', reason: 'no such device' });
    await clock.advance(60_000);
    replug();
    await clock.runUntil(() => line.status.state === 'idle', 10_000);
    expect(statuses.map((status) => status.state)).toEqual(['absent', 'starting', 'idle']);
  });

  it('ends the call in progress as lost, and comes back by itself', async () => {
    const { clock, line, unplug, replug } = simulatedLine();
    await clock.run(line.start());
    const call = await clock.run(line.dial('5551234', new AbortController().signal));
    unplug();
    expect(await clock.run(call.ended)).toBe('modem-lost');
    expect(line.status).toEqual({ state: 'absent', reason: 'unplugged' });
    await expect(line.dial('1', new AbortController().signal)).rejects.toMatchObject({
      fault: { code: 'line-unavailable', state: 'absent' },
    });
    replug();
    await clock.runUntil(() => line.status.state === 'idle', 10_000);
    const again = await clock.run(line.dial('5551234', new AbortController().signal));
    await clock.run(again.hangUp());
  });

  it('fails a call that was being dialled, and abandons a ring', async () => {
    const dialling = simulatedLine();
    await dialling.clock.run(dialling.line.start());
    const dial = dialling.line.dial('5551234', new AbortController().signal);
    const refused = expect(dial).rejects.toMatchObject({ fault: { code: 'modem' } });
    await dialling.clock.advance(500);
    dialling.unplug();
    await refused;

    const ringing = simulatedLine();
    await ringing.clock.run(ringing.line.start());
    ringing.emulated.exchange.ring({
      callerId: { number: '1', name: 'A' },
      party: { behaviour: 'answers', answerAfterMs: 0 },
    });
    await ringing.clock.runUntil(() => ringing.rings.length === 1);
    ringing.unplug();
    expect(ringing.rings[0]?.ring.abandoned.aborted).toBe(true);
  });

  it('is noticed when it falls silent while idle', async () => {
    const { clock, line, commands, fallSilent } = scriptedModem();
    await clock.run(line.start());
    const before = commands.length;
    await clock.advance(31_000);
    expect(commands.slice(before)).toEqual(['AT+FCLASS?']);
    expect(line.status.state).toBe('idle');
    fallSilent();
    await clock.runUntil(() => line.status.state === 'absent', 60_000);
    expect(line.status).toMatchObject({ reason: expect.stringContaining('does not answer') });
  });

  it('is noticed when it stops sending sound in the middle of a call', async () => {
    const { clock, line, sound } = scriptedModem({ ATDT1: 'VCON' });
    await clock.run(line.start());
    const call = await clock.run(line.dial('1', new AbortController().signal));
    sound(800);
    await clock.advance(1500);
    sound(800);
    expect(await clock.run(call.ended, 10_000)).toBe('modem-lost');
  });
});
