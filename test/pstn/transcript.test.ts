import { describe, expect, it } from 'vitest';
import type { SerialListener } from '#pstn/modem/serial-port.ts';
import { TranscriptRecorder } from '#pstn/transcript/recorder.ts';
import { VirtualClock } from '../simulation/virtual-clock.ts';

/** A recorder between a program and a modem that both only do what the test says. */
async function recorded(options: { readonly keptSound?: number; readonly unmasked?: boolean } = {}) {
  const clock = new VirtualClock();
  const lines: string[] = [];
  let modem: SerialListener | undefined;
  const passed: string[] = [];
  const recorder = new TranscriptRecorder(
    { clock, write: (line) => lines.push(line) },
    { program: 'test', ...options },
  );
  const open = recorder.listeningTo(async (_path, _rate, listener) => {
    modem = listener;
    return { write: (bytes) => void passed.push(Buffer.from(bytes).toString('latin1')), close: async () => {} };
  });
  const heard: string[] = [];
  const device = await open('modem', 115_200, {
    data: (bytes) => heard.push(Buffer.from(bytes).toString('latin1')),
    closed: () => {},
  });
  return {
    clock,
    recorder,
    to: (text: string) => device.write(Buffer.from(text, 'latin1')),
    from: (text: string) => modem?.data(Buffer.from(text, 'latin1')),
    close: () => device.close(),
    entries: () => lines.slice(2).map((line) => ({ ...JSON.parse(line), ms: undefined })),
    times: () => lines.slice(1).map((line) => JSON.parse(line).ms),
    lines,
    passed,
    heard,
  };
}

const plain = (entries: readonly object[]) => JSON.parse(JSON.stringify(entries));

describe('a transcript', () => {
  it('holds commands and answers with their times, and lets every byte pass as it was', async () => {
    const { clock, to, from, entries, times, lines, passed, heard, close } = await recorded();
    to('AT+F');
    to('MI?\r');
    await clock.advance(30);
    from('\r\n+FMI: CONE');
    from('XANT\r\n\r\nOK\r\n');
    await close();
    expect(JSON.parse(lines[0] ?? '')).toEqual({ transcript: 1, program: 'test', unmasked: false });
    expect(plain(entries())).toEqual([
      { to: 'AT+FMI?' },
      { from: '+FMI: CONEXANT' },
      { from: 'OK' },
      { closed: 'by the program' },
    ]);
    expect(times()).toEqual([0, 0, 30, 30, 30]);
    expect(passed.join('')).toBe('AT+FMI?\r');
    expect(heard.join('')).toBe('\r\n+FMI: CONEXANT\r\n\r\nOK\r\n');
  });

  it('holds no numbers, names, serial numbers or keys, unless that was asked for', async () => {
    const say = async (unmasked: boolean) => {
      const { to, from, entries } = await recorded({ unmasked });
      to('ATDT0301234567,,42\rAT+VTS=1,{5,10},9\rAT+VSM=131,8000\r');
      from('DATE = 1107\r\nNMBR = 0301234567\r\nNAME=SMITH JOHN\r\nMESG = 800C\r\nNMBR = P\r\n');
      from('+CLIP: "+4917012345678",145,"",,"ALICE"\r\nIMEI: 862636051234567\r\nCX93001-EIS_V0.2013-V92\r\n');
      from('\x10/\x107\x10~');
      return plain(entries()).map((entry: object) => Object.values(entry)[0]);
    };
    expect(await say(false)).toEqual([
      'ATDT0000000000,,00',
      'AT+VTS=0,{0,00},0',
      'AT+VSM=131,8000',
      'DATE = 1107',
      'NMBR = 0000000000',
      'NAME=XXXXX XXXX',
      'MESG = 000X',
      'NMBR = P',
      '+CLIP: "+0000000000000",145,"",,"XXXXX"',
      'IMEI: 000000000000000',
      'CX93001-EIS_V0.2013-V92',
      '/',
      '0',
      '~',
    ]);
    const open = await say(true);
    expect(open).toContain('ATDT0301234567,,42');
    expect(open).toContain('NAME=SMITH JOHN');
    expect(open).toContain('7');
  });

  it('counts sound, keeps the first of it where that is wanted, and tells codes from it', async () => {
    const { clock, to, from, entries } = await recorded({ keptSound: 4 });
    to('AT+VTR\r');
    from('\r\nCONNECT\r\nab\x10\x10cdef');
    to('\x10\x10xyz');
    await clock.advance(600);
    from('gh\x10u');
    to('\x10^');
    from('\x10\x03\r\nOK\r\n');
    to('ATH\r');
    expect(plain(entries())).toEqual([
      { to: 'AT+VTR' },
      { from: 'CONNECT' },
      { fromSound: { bytes: 9, begin: Buffer.from('ab\x10c').toString('base64') } },
      { toSound: { bytes: 4 } },
      { fromCode: 'u' },
      { toCode: '^' },
      { fromCode: '\x03' },
      { from: 'OK' },
      { to: 'ATH' },
    ]);
  });

  it('follows a modem that ends playing with OK alone, and a program that gives a stream up', async () => {
    const { to, from, entries } = await recorded();
    to('AT+VTX\r');
    from('\r\nCONNECT\r\n');
    to('hello\x10\x03');
    from('\r\nOK\r\n');
    to('AT+VRX\r');
    from('\r\nCONNECT\r\nabc');
    to('ATE0Q0V1\r');
    from('\r\nOK\r\n');
    expect(plain(entries())).toEqual([
      { to: 'AT+VTX' },
      { from: 'CONNECT' },
      { toSound: { bytes: 5 } },
      { toCode: '\x03' },
      { from: 'OK' },
      { to: 'AT+VRX' },
      { from: 'CONNECT' },
      { fromSound: { bytes: 3 } },
      { to: 'ATE0Q0V1' },
      { from: 'OK' },
    ]);
  });

  it('tells of a device that could not be opened or went away, and ends before it grows without bound', async () => {
    const clock = new VirtualClock();
    const lines: string[] = [];
    const recorder = new TranscriptRecorder({ clock, write: (line) => lines.push(line) }, { program: 'test' });
    const refuse = recorder.listeningTo(() => Promise.reject(new Error('Permission denied')));
    await expect(refuse('modem', 9600, { data() {}, closed() {} })).rejects.toThrow('Permission denied');
    expect(lines.at(-1)).toContain('"closed":"Permission denied"');

    const { from, lines: many } = await recorded();
    for (let i = 0; i < 40_000; i++) from(`${'x'.repeat(400)}\r\n`);
    expect(many.join('').length).toBeLessThan(8_100_000);
  });
});
