import { describe, expect, it } from 'vitest';
import { concat, utf8 } from '#platform/bytes.ts';
import { EmulatedLine, type EmulatedLineOptions } from '#pstn/emulator/emulated-line.ts';
import { personalities, voiceModemNames } from '#pstn/emulator/personalities/table.ts';
import { Unshielder } from '#pstn/modem/dle.ts';
import { VirtualClock } from '../simulation/virtual-clock.ts';

/** One emulated modem and what it says. */
function modem(name: EmulatedLineOptions['modem']) {
  const clock = new VirtualClock();
  let out: Uint8Array[] = [];
  const port = { send: (bytes: Uint8Array) => out.push(bytes), backlog: 0, hold: () => {} };
  const options = name === undefined ? {} : { modem: name };
  const line = new EmulatedLine({ clock, port, onEvent: () => {} }, { country: 'US', ...options });
  const take = () => {
    const bytes = concat(...out);
    out = [];
    return bytes;
  };
  const ask = (command: string) => {
    take();
    line.receive(utf8(`${command}\r`));
    return Buffer.from(take()).toString('latin1');
  };
  ask('ATE0');
  ask('AT+FCLASS=8');
  return { clock, line, take, ask, say: (bytes: Uint8Array | string) => line.receive(Buffer.from(bytes)) };
}

const rings = { party: { behaviour: 'answers', answerAfterMs: 0 } } as const;

function codesOf(bytes: Uint8Array): string {
  return new Unshielder()
    .push(bytes)
    .items.flatMap((item) => (item.type === 'code' ? [item.code] : []))
    .join('');
}

describe('the emulated modems', () => {
  it('differ in what they say they are, and in the number of mu-law', () => {
    const seen = voiceModemNames.map((name) => {
      const { ask } = modem(name);
      const mulaw = /(\d+),"[^"]*(?:ULAW|G\.711U)/i.exec(ask('AT+VSM=?'))?.[1];
      expect(ask(`AT+VSM=${mulaw},8000`), name).toContain('OK');
      return [ask('ATI3').split('\r\n')[1], mulaw];
    });
    expect(new Set(seen.map(([text]) => text)).size).toBe(voiceModemNames.length);
    expect(seen.map(([, mulaw]) => mulaw)).toEqual(['131', '131', '131', '4', '131']);
  });

  it('refuse what the real ones refuse', () => {
    const usr = modem('usr-5637');
    expect(usr.ask('AT+IFC=2,2')).toContain('ERROR');
    expect(usr.ask('AT+VGT=120')).toContain('ERROR');
    expect(usr.ask('AT+VGT=128')).toContain('OK');
    expect(usr.ask('AT+VTR=?')).toContain('ERROR');
    expect(usr.ask('AT-TRV?')).toContain('ERROR');
    const cx = modem('conexant-cx930xx');
    expect(cx.ask('AT+VGR=128')).toContain('ERROR');
    expect(cx.ask('AT+VGR=0')).toContain('OK');
    expect(cx.ask('AT+VTR=?')).toContain('ERROR');
    expect(cx.ask('AT+VTR')).toContain('CONNECT');
    expect(modem('half-duplex').ask('AT+VTR')).toContain('ERROR');
  });

  it('forget +VCID at ATZ, but for the one that keeps it', () => {
    for (const name of voiceModemNames) {
      const { ask } = modem(name);
      ask('AT+VCID=1');
      ask('ATZE0');
      expect(ask('AT+VCID?'), name).toContain(personalities[name].callerIdOutlivesReset ? '1' : '0');
    }
  });

  it('leave duplex each in its own way', async () => {
    for (const [name, exits] of [
      ['conexant-cx930xx', '^'],
      ['usr-5637', '\x03'],
      ['rockwell', '\x03'],
    ] as const) {
      const { ask, say, take, clock } = modem(name);
      ask('AT+VLS=1');
      expect(ask('AT+VTR')).toContain('CONNECT');
      const other = exits === '^' ? '\x03' : '^';
      if (name !== 'rockwell') say(`\x10${other}`);
      await clock.advance(100);
      if (name !== 'rockwell') expect(codesOf(take()), name).not.toContain('\x03');
      say(`\x10${exits}`);
      expect(Buffer.from(take()).toString('latin1'), name).toSatisfy((text: string) =>
        text.endsWith('\x10\x03\r\nOK\r\n'),
      );
    }
  });

  it('write caller ID and keys in their own style', async () => {
    const idOf = async (name: EmulatedLineOptions['modem']) => {
      const { ask, line, take, clock } = modem(name);
      ask('AT+VCID=1');
      line.exchange.ring({ ...rings, callerId: { number: '5551234', name: 'ALICE' } });
      await clock.advance(4000);
      return Buffer.from(take()).toString('latin1');
    };
    expect(await idOf('conexant-cx930xx')).toContain('NMBR = 5551234\r\nNAME = ALICE\r\n');
    expect(await idOf('usr-5637')).toContain('NMBR=5551234\r\nNAME=ALICE\r\n');
    const keysOf = async (name: EmulatedLineOptions['modem']) => {
      const { ask, line, take, clock } = modem(name);
      line.exchange.ring(rings);
      ask('AT+VLS=1');
      ask('AT+VTR');
      line.exchange.sendDigits('5');
      await clock.advance(600);
      return codesOf(take());
    };
    expect(await keysOf('conexant-cx930xx')).toBe('/55~');
    expect(await keysOf('usr-5637')).toBe('5');
  });

  it('move no more than they can: 14-bit duplex loses sound on a CX930xx, mu-law does not', async () => {
    const lost = async (method: string, bytes: number) => {
      const { ask, say, take, line, clock } = modem('conexant-cx930xx');
      line.exchange.ring(rings);
      ask(`AT+VSM=${method},8000`);
      ask('AT+VLS=1');
      ask('AT+VTR');
      for (let ms = 0; ms < 5000; ms += 20) {
        say(new Uint8Array(bytes));
        await clock.advance(20);
        take();
      }
      return line.counters.overruns;
    };
    expect(await lost('131', 160)).toBe(0);
    expect(await lost('133', 320)).toBeGreaterThan(0);
  });

  it('report a telephone beside them, and refuse to dial into its call', async () => {
    const cx = modem('conexant-cx930xx');
    expect(cx.ask('AT-TRV?')).toContain('48.3');
    cx.line.exchange.telephone('extension', true);
    expect(codesOf(cx.take())).toBe('P');
    expect(cx.ask('AT-TRV?')).toContain('7.2');
    expect(cx.ask('ATDT5551234')).toContain('LINE IN USE');
    cx.line.exchange.telephone('extension', false);
    cx.line.exchange.telephone('handset', true);
    expect(codesOf(cx.take())).toBe('pH');
    cx.line.exchange.cut(true);
    expect(cx.ask('AT-TRV?')).toContain('1.4');
    const half = modem('half-duplex');
    half.line.exchange.telephone('handset', true);
    expect(half.take().length).toBe(0);
  });

  it('say there is no dial tone in their own words', async () => {
    for (const [name, words] of [
      ['conexant-cx930xx', 'NO DIALTONE'],
      ['usr-5637', 'NO DIAL TONE'],
    ] as const) {
      const { ask, take, line, clock } = modem(name);
      line.exchange.cut(true);
      ask('ATDT1');
      await clock.advance(6000);
      expect(Buffer.from(take()).toString('latin1')).toContain(`\r\n${words}\r\n`);
    }
  });
});
