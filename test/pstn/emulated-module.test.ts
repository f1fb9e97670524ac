import { describe, expect, it } from 'vitest';
import { decodeMulaw } from '#media/g711.ts';
import { dominantFrequency } from '#media/spectrum.ts';
import { ToneGenerator } from '#media/tones.ts';
import { concat, utf8 } from '#platform/bytes.ts';
import { EmulatedCellular } from '#pstn/emulator/cellular/emulated-cellular.ts';
import type { CellularName } from '#pstn/emulator/cellular/module.ts';
import type { ExchangeEvent } from '#pstn/emulator/exchange.ts';
import { VirtualClock } from '../simulation/virtual-clock.ts';

/** An emulated module with the test as its computer. */
function module(modem: CellularName) {
  const clock = new VirtualClock();
  const events: ExchangeEvent[] = [];
  const said: Uint8Array[] = [];
  const sound: Uint8Array[] = [];
  let restarts = 0;
  const port = (to: Uint8Array[]) => ({
    send: (bytes: Uint8Array) => to.push(bytes),
    backlog: 0,
    held: false,
    hold(held: boolean) {
      this.held = held;
    },
  });
  const soundPort = port(sound);
  const line = new EmulatedCellular(
    {
      clock,
      port: port(said),
      soundPort,
      onEvent: (event) => events.push(event),
      onRestart: () => restarts++,
    },
    { country: 'US', modem },
  );
  const take = () => Buffer.from(concat(...said.splice(0))).toString('latin1');
  const ask = (command: string) => {
    take();
    line.receive(utf8(`${command}\r`));
    return take();
  };
  ask('ATE0');
  const heardHz = () => {
    const bytes = concat(...sound.splice(0));
    const samples = Int16Array.from({ length: bytes.length >> 1 }, (_, i) =>
      new DataView(bytes.buffer).getInt16(2 * i, true),
    );
    return { hz: dominantFrequency(samples.subarray(0, 4000))?.frequency, samples: samples.length };
  };
  return { clock, line, events, take, ask, sound, soundPort, heardHz, restarts: () => restarts };
}

function pcm(hertz: number, samples: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(2 * samples));
  for (const [i, sample] of decodeMulaw(new ToneGenerator([hertz]).next(samples)).entries()) {
    view.setInt16(2 * i, sample, true);
  }
  return new Uint8Array(view.buffer);
}

describe('an emulated SIM7600', () => {
  it('dials, tells of the answer, carries 16-bit sound on its second port, and hangs up', async () => {
    const { line, clock, ask, take, events, heardHz } = module('sim7600');
    line.exchange.plan('5551234', { behaviour: 'answers', answerAfterMs: 2000, sendHz: 700 });
    expect(ask('ATI')).toContain('SIM7600');
    expect(ask('AT+CPCMREG=1')).toContain('ERROR');
    expect(ask('ATD5551234')).toContain('ERROR');
    expect(ask('AT+CPCMREG=0;D5551234;')).toBe('\r\nOK\r\n');
    expect(ask('AT+CLCC')).toContain('+CLCC: 1,0,2,0,0,"5551234",129');
    await clock.advance(1000);
    expect(ask('AT+CLCC')).toContain('+CLCC: 1,0,3,0,0,"5551234",129');
    await clock.advance(2500);
    expect(take()).toBe('\r\nVOICE CALL: BEGIN\r\n');
    expect(ask('AT+CLCC')).toContain('+CLCC: 1,0,0,');
    expect(heardHz().samples).toBe(0);
    expect(ask('AT+CPCMREG=1')).toContain('OK');
    for (let i = 0; i < 50; i++) {
      line.receiveSound(pcm(450, 160));
      await clock.advance(20);
    }
    const { hz, samples } = heardHz();
    expect(hz).toBeCloseTo(700, -1);
    expect(Math.abs(samples - 8000)).toBeLessThanOrEqual(160);
    expect(ask('AT+VTS=5')).toContain('OK');
    await clock.advance(500);
    expect(events.filter(({ event }) => event === 'digit')).toEqual([{ event: 'digit', digit: '5' }]);
    expect(line.exchange.report()?.heardHz).toBeGreaterThan(100);
    expect(ask('AT+CHUP')).toBe('\r\nOK\r\n\r\nVOICE CALL: END: 000002\r\n');
    expect(events.at(-1)).toMatchObject({ event: 'call-ended', endedBy: 'line' });
    expect(ask('AT+CLCC')).toBe('\r\nOK\r\n');
  });

  it('rings with the number, reports digits, and says that the far end hung up', async () => {
    const { line, clock, ask, take } = module('sim7600');
    ask('AT+CLIP=1');
    ask('AT+DDET=1');
    line.exchange.ring({ callerId: { number: '+49301234' }, party: { behaviour: 'answers', answerAfterMs: 0 } });
    await clock.advance(4000);
    expect(take()).toBe('\r\nRING\r\n\r\n+CLIP: "+49301234",145,,,,0\r\n'.repeat(2));
    expect(ask('ATA')).toBe('\r\nOK\r\n\r\nVOICE CALL: BEGIN\r\n');
    line.exchange.sendDigits('7');
    await clock.advance(400);
    expect(take()).toBe('\r\n+RXDTMF: 7\r\n');
    line.exchange.hangUp('busy-tone');
    expect(take()).toMatch(/^\r\nVOICE CALL: END: \d{6}\r\n\r\nNO CARRIER\r\n$/);
    line.exchange.ring({ callerId: { number: 'P' }, party: { behaviour: 'answers', answerAfterMs: 0 } });
    await clock.advance(1000);
    expect(take()).toContain('+CLIP: "",128,,,,1');
    line.exchange.giveUp();
    expect(take()).toMatch(/^\r\nMISSED_CALL: \d+:\d\d[AP]M \r\n\r\nNO CARRIER\r\n$/);
  });

  it('says busy and no service, and may tell of the answer too early', async () => {
    const { line, clock, ask, take } = module('sim7600');
    ask('ATD5550000;');
    await clock.advance(2000);
    expect(take()).toBe('\r\nBUSY\r\n');
    line.fault('early-begin', true);
    ask('ATD5550001;');
    await clock.advance(2000);
    expect(take()).toBe('\r\nVOICE CALL: BEGIN\r\n');
    expect(ask('AT+CLCC')).toContain('1,0,0,');
    expect(line.exchange.report()).toBeUndefined();
    ask('AT+CHUP');
    line.exchange.cut(true);
    expect(ask('AT+CREG?')).toContain('+CREG: 0,2');
    expect(ask('AT+CSQ')).toContain('99,99');
    expect(ask('ATD1;')).toContain('NO CARRIER');
  });

  it('degrades from the second call on until it is restarted, and stalls its uplink', async () => {
    const { line, clock, ask, take, heardHz, soundPort, restarts } = module('sim7600');
    line.exchange.plan('1', { behaviour: 'answers', answerAfterMs: 0, sendHz: 700 });
    line.fault('degrading', true);
    const call = async () => {
      ask('ATD1;');
      await clock.advance(1000);
      const atOnce = ask('AT+CPCMREG=1').includes('OK');
      await clock.advance(2500);
      heardHz();
      await clock.advance(1000);
      const { samples } = heardHz();
      ask('AT+CHUP');
      return { atOnce, samples };
    };
    expect(await call()).toEqual({ atOnce: true, samples: 8000 });
    const second = await call();
    expect(second.atOnce).toBe(false);
    expect(second.samples).toBeLessThan(6500);
    expect(ask('AT+CRESET')).toContain('OK');
    expect(restarts()).toBe(1);
    take();
    ask('ATE0');
    expect(await call()).toEqual({ atOnce: true, samples: 8000 });
    line.fault('uplink-stall', true);
    expect(soundPort.held).toBe(true);
  });
});

describe('an emulated EC25', () => {
  it('puts positions out on the port of its sound until it is told not to', async () => {
    const { clock, ask, sound } = module('ec25');
    expect(ask('AT+QGPS?')).toContain('+QGPS: 1');
    await clock.advance(3000);
    expect(Buffer.from(concat(...sound.splice(0))).toString('latin1')).toContain('$GPGGA');
    ask('AT+QGPSEND');
    await clock.advance(3000);
    expect(sound.length).toBe(0);
  });

  it('tells every step of a call by ^DSCI, digits as numbers, and takes its sound before the call', async () => {
    const { line, clock, ask, take, heardHz } = module('ec25');
    line.exchange.plan('5551234', { behaviour: 'answers', answerAfterMs: 500, sendHz: 700 });
    for (const command of ['AT+QGPSEND', 'AT^DSCI=1', 'AT+QTONEDET=1']) expect(ask(command)).toContain('OK');
    expect(ask('AT+QPCMV=0;+QPCMV=1,0;D5551234;')).toBe('\r\nOK\r\n\r\n^DSCI: 1,0,2,0,5551234,129,0\r\n');
    await clock.advance(2000);
    expect(take()).toBe('\r\n^DSCI: 1,0,7,0,5551234,129,0\r\n\r\n^DSCI: 1,0,3,0,5551234,129,0\r\n');
    expect(heardHz().samples).toBeGreaterThan(4000);
    line.exchange.sendDigits('8');
    await clock.advance(400);
    expect(take()).toBe('\r\n+QTONEDET: 56\r\n');
    line.exchange.hangUp('busy-tone');
    expect(take()).toBe('\r\n^DSCI: 1,0,6,0,5551234,129,0\r\n\r\nNO CARRIER\r\n');
  });
});
