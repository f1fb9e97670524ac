import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, utf8 } from '#platform/bytes.ts';
import { type ModemItem, ModemReader } from '#pstn/modem/reader.ts';

function lines(items: readonly ModemItem[]): string[] {
  return items.flatMap((item) => (item.type === 'line' ? [item.text] : []));
}

describe('ModemReader', () => {
  it('splits answers into lines, however the reads cut them', () => {
    const text = utf8('AT+VCID=1\r\r\nOK\r\n\r\nRING\r\n\r\nDATE = 1107\r\nNMBR = 5551234\r\n');
    fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 10 }), (cuts) => {
        const reader = new ModemReader();
        const items: ModemItem[] = [];
        let from = 0;
        for (const to of [...cuts.sort((a, b) => a - b), text.length]) {
          items.push(...reader.push(text.subarray(from, to)));
          from = to;
        }
        expect(lines(items)).toEqual(['AT+VCID=1', 'OK', 'RING', 'DATE = 1107', 'NMBR = 5551234']);
      }),
    );
  });

  it('takes sound that follows CONNECT in the same read, and the lines behind DLE ETX', () => {
    const reader = new ModemReader();
    reader.expectStream();
    const items = reader.push(
      concat(utf8('\r\nCONNECT\r\n'), Uint8Array.of(0x0a, 1, 0x10, 0x10, 0x10, 3), utf8('\r\nOK\r\n')),
    );
    expect(items).toEqual([
      { type: 'line', text: 'CONNECT' },
      { type: 'sound', samples: Uint8Array.of(0x0a, 1) },
      { type: 'sound', samples: Uint8Array.of(0x10) },
      { type: 'code', code: '\x03' },
      { type: 'line', text: 'OK' },
    ]);
    expect(reader.streaming).toBe(false);
  });

  it('takes a CONNECT that nobody asked for as a line', () => {
    const reader = new ModemReader();
    reader.push(utf8('CONNECT\r\n'));
    expect(reader.streaming).toBe(false);
  });

  it('finds codes between command lines', () => {
    expect(new ModemReader().push(utf8('\r\nOK\r\n\x10b'))).toEqual([
      { type: 'line', text: 'OK' },
      { type: 'code', code: 'b' },
    ]);
  });

  it('drops an endless line and goes on behind it', () => {
    const reader = new ModemReader();
    for (let i = 0; i < 100; i++) expect(reader.push(new Uint8Array(10_000).fill(0x41))).toEqual([]);
    expect(lines(reader.push(utf8('\r\nOK\r\n')))).toEqual(['OK']);
  });

  it('survives line noise of any kind', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), fc.boolean(), (parts, armed) => {
        const reader = new ModemReader();
        if (armed) reader.expectStream();
        for (const part of parts) for (const item of reader.push(part)) expect(item.type).toBeDefined();
        reader.reset();
        expect(lines(reader.push(utf8('\r\nOK\r\n')))).toEqual(['OK']);
      }),
    );
  });
});
