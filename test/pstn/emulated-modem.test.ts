import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMulaw } from '#media/g711.ts';
import { dominantFrequency } from '#media/spectrum.ts';
import { ToneGenerator } from '#media/tones.ts';
import { concat, utf8 } from '#platform/bytes.ts';
import { EmulatedLine, type EmulatedLineOptions } from '#pstn/emulator/emulated-line.ts';
import type { ExchangeEvent } from '#pstn/emulator/exchange.ts';
import { shield, Unshielder } from '#pstn/modem/dle.ts';
import { VirtualClock } from '../simulation/virtual-clock.ts';

/** The emulator with a computer that says exactly what the test says. */
function bare(options: Partial<EmulatedLineOptions> = {}) {
  const clock = new VirtualClock();
  const events: ExchangeEvent[] = [];
  let out: Uint8Array[] = [];
  const port = {
    send: (bytes: Uint8Array) => out.push(bytes),
    backlog: 0,
    held: false,
    hold: (held: boolean) => (port.held = held),
  };
  const line = new EmulatedLine({ clock, port, onEvent: (event) => events.push(event) }, { country: 'US', ...options });
  const take = () => {
    const bytes = concat(...out);
    out = [];
    return bytes;
  };
  return {
    clock,
    line,
    port,
    events,
    take,
    say: (text: string | Uint8Array) => line.receive(typeof text === 'string' ? utf8(text) : text),
    /** What the modem says to a command, as text. */
    ask(command: string) {
      take();
      line.receive(utf8(`${command}\r`));
      return Buffer.from(take()).toString('latin1');
    },
  };
}

/** Sound and codes of a stream that the modem sent. */
function streamOf(bytes: Uint8Array): { sound: Uint8Array; codes: string } {
  const { items } = new Unshielder().push(bytes);
  return {
    sound: concat(...items.flatMap((item) => (item.type === 'sound' ? [item.samples] : []))),
    codes: items.flatMap((item) => (item.type === 'code' ? [item.code] : [])).join(''),
  };
}

describe('AT commands of the emulated modem', () => {
  it('answers all that vgetty sends to get ready and after a call', () => {
    const { ask } = bare();
    ask('ATE0');
    const init =
      'ATQ0V1H0|AT|ATI|ATI3|ATI4|AT+FCLASS=2|AT+FCLASS=0|AT+FAA=1;+FCR=1|AT+FBOR=0|AT+FLID=" "|ATE0|ATI9|AT+FCLASS?|AT+FCLASS=8|AT+VSM=?|AT+VSD=40,70|AT+VGT=127|AT+VGR=127|AT+VRA=70;+VRN=10|AT+IFC=2,2|AT+VCID=1|AT+VNH=0|AT+VIT=0|AT+VDR=1,15|AT+FCLASS=0|AT';
    for (const command of init.split('|')) expect(ask(command), command).toMatch(/\r\nOK\r\n$/);
    expect(ask('AT+FCLASS=?')).toContain('0,1,1.0,2,8');
  });

  it('echoes, keeps quiet and speaks numbers as it is told', () => {
    const { ask } = bare();
    expect(ask('AT')).toBe('AT\r\r\nOK\r\n');
    expect(ask('ATE0')).toBe('ATE0\r\r\nOK\r\n');
    expect(ask('ATV0')).toBe('0\r');
    expect(ask('AT+NOSUCH=1')).toBe('4\r');
    expect(ask('ATV1Q1')).toBe('');
    expect(ask('ATQ0')).toBe('\r\nOK\r\n');
    expect(ask('ATS7=45S7?')).toBe('\r\n045\r\n\r\nOK\r\n');
  });

  it('lists its sound codings by name and refuses those it does not have', () => {
    const { ask } = bare();
    ask('ATE0');
    expect(ask('AT+VSM=?')).toContain('131,"ULAW",8,0,(7200,8000,11025),(0),(0)');
    expect(ask('AT+VSM=130,8000')).toContain('OK');
    expect(ask('AT+VSM=129,8000')).toContain('ERROR');
    expect(ask('AT+VSM=131,11025')).toContain('ERROR');
    expect(ask('AT+VTR')).toContain('ERROR');
  });

  it('takes any bytes whatsoever, in any mode', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('', 'AT+FCLASS=8\rAT+VLS=1\r', 'AT+FCLASS=8\rAT+VLS=1\rAT+VTR\r', 'AT+FCLASS=8\rATDT5\r'),
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }),
        async (before, parts) => {
          const { say, clock, take, line } = bare();
          say(before);
          for (const part of parts) {
            say(part);
            await clock.advance(50);
          }
          expect(take().length).toBeLessThan(1_000_000);
          line.close();
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('sound of the emulated modem', () => {
  async function inDuplex(options: Partial<EmulatedLineOptions> = {}) {
    const modem = bare(options);
    modem.line.exchange.ring({ party: { behaviour: 'answers', answerAfterMs: 0, sendHz: 450 } });
    modem.say('ATE0\rAT+FCLASS=8\rAT+VSM=131,8000\rAT+VLS=1\rAT+VTR\r');
    expect(Buffer.from(modem.take()).toString('latin1')).toMatch(/\r\nCONNECT\r\n$/);
    return modem;
  }

  it('runs at exactly 8000 bytes a second each way', async () => {
    const { clock, take, say, line } = await inDuplex();
    let heard = 0;
    for (let second = 0; second < 60; second++) {
      say(new Uint8Array(8000).fill(0x55));
      await clock.advance(1000);
      heard += streamOf(take()).sound.length;
    }
    expect(Math.abs(heard - 480_000)).toBeLessThanOrEqual(160);
    expect(Math.abs(line.counters.played - 480_000)).toBeLessThanOrEqual(160);
  });

  it('runs fast or slow by the skew it is given', async () => {
    for (const skewPpm of [200, -200]) {
      const { clock, take } = await inDuplex({ skewPpm });
      await clock.advance(100_000);
      const expected = 800_000 + 0.8 * skewPpm;
      expect(Math.abs(streamOf(take()).sound.length - expected)).toBeLessThanOrEqual(161);
    }
  });

  it('reports an underrun once when the computer brings too little, an overrun when too much', async () => {
    const { clock, take, say, line } = await inDuplex();
    await clock.advance(500);
    expect(streamOf(take()).codes).toBe('');
    say(new Uint8Array(800));
    await clock.advance(500);
    expect(streamOf(take()).codes).toBe('u');
    say(new Uint8Array(800));
    await clock.advance(500);
    expect(streamOf(take()).codes).toBe('u');
    say(new Uint8Array(20_000));
    await clock.advance(100);
    expect(streamOf(take()).codes).toBe('o');
    expect(line.counters).toMatchObject({ underruns: 2, overruns: 1 });
  });

  it('drops what it hears while the computer does not read, and counts it', async () => {
    const { clock, line, port } = await inDuplex();
    port.backlog = 10_000;
    await clock.advance(1000);
    expect(line.counters.overruns).toBeGreaterThan(0);
  });

  it('leaves duplex on DLE ^ and takes the command right behind it', async () => {
    const { clock, take, say, events } = await inDuplex();
    await clock.advance(200);
    take();
    say('\x10^AT+VLS=0\r');
    expect(Buffer.from(take()).toString('latin1')).toBe('\x10\x03\r\nOK\r\n\r\nOK\r\n');
    expect(events.at(-1)).toEqual({ event: 'on-hook' });
  });

  it('plays and records one way in unsigned 8-bit samples, as vgetty does', async () => {
    const { clock, line, say, take, events } = bare();
    line.exchange.ring({ party: { behaviour: 'answers', answerAfterMs: 0, sendHz: 450 } });
    say('ATE0\rAT+FCLASS=8\rAT+VLS=1\rAT+VSM=130,8000\rAT+VTX\r');
    const greeting = Uint8Array.from(
      decodeMulaw(new ToneGenerator([620]).next(16_000)),
      (sample) => (sample >> 8) + 128,
    );
    say(shield(greeting));
    say('\x10\x03');
    take();
    await clock.advance(1900);
    expect(take().length).toBe(0);
    await clock.advance(200);
    expect(Buffer.from(take()).toString('latin1')).toBe('\x10\x03\r\nOK\r\n');
    expect(line.exchange.report()?.heardHz).toBeCloseTo(620, -1);
    say('AT+VTS=[933,,20]\rAT');
    await clock.advance(300);
    expect(Buffer.from(take()).toString('latin1')).toContain('OK');
    say('AT+VRX\r');
    take();
    await clock.advance(1000);
    const { sound } = streamOf(take());
    const linear = Int16Array.from(sound, (byte) => (byte - 128) << 8);
    expect(dominantFrequency(linear)?.frequency).toBeCloseTo(450, -1);
    say('\x10!');
    expect(Buffer.from(take()).toString('latin1')).toContain('\x10\x03\r\nOK\r\n');
    say('AT+FCLASS=0\r');
    expect(events.at(-1)).toEqual({ event: 'on-hook' });
  });

  it('holds a computer that plays faster than the line', async () => {
    const { clock, line, say, port } = bare();
    line.exchange.ring({ party: { behaviour: 'answers', answerAfterMs: 0 } });
    say('AT+FCLASS=8\rAT+VLS=1\rAT+VSM=131,8000\rAT+VTX\r');
    say(new Uint8Array(4000).fill(0x55));
    expect(port.held).toBe(true);
    await clock.advance(500);
    expect(port.held).toBe(false);
  });
});
