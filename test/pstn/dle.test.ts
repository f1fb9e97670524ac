import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat } from '#platform/bytes.ts';
import { type StreamItem, shield, shieldedCode, Unshielder } from '#pstn/modem/dle.ts';

function pieces(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let from = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    const to = cut % (bytes.length + 1);
    if (to < from) continue;
    parts.push(bytes.slice(from, to));
    from = to;
  }
  return [...parts, bytes.slice(from)];
}

function feed(unshielder: Unshielder, parts: readonly Uint8Array[]): StreamItem[] {
  return parts.flatMap((part) => unshielder.push(part).items);
}

function soundOf(items: readonly StreamItem[]): Uint8Array {
  return concat(...items.flatMap((item) => (item.type === 'sound' ? [item.samples] : [])));
}

const sound = fc.uint8Array({ maxLength: 300 }).map((bytes) => bytes.map((byte) => (byte % 5 === 0 ? 0x10 : byte)));

describe('DLE shielding', () => {
  it('gives any sound back, however the reads cut it', () => {
    fc.assert(
      fc.property(sound, fc.array(fc.nat(), { maxLength: 20 }), (bytes, cuts) => {
        const items = feed(new Unshielder(), pieces(shield(bytes), cuts));
        expect(soundOf(items)).toEqual(bytes);
        expect(items.every((item) => item.type === 'sound')).toBe(true);
      }),
    );
  });

  it('finds codes between sound, however the reads cut them', () => {
    const codes = fc.constantFrom(...'bdlru/5~#*AqsoLPphHc');
    fc.assert(
      fc.property(fc.array(fc.tuple(sound, codes)), fc.array(fc.nat(), { maxLength: 20 }), (parts, cuts) => {
        const stream = concat(...parts.flatMap(([bytes, code]) => [shield(bytes), shieldedCode(code)]));
        const items = feed(new Unshielder(), pieces(stream, cuts));
        expect(soundOf(items)).toEqual(concat(...parts.map(([bytes]) => bytes)));
        expect(items.flatMap((item) => (item.type === 'code' ? [item.code] : []))).toEqual(
          parts.map(([, code]) => code),
        );
      }),
    );
  });

  it('reads DLE SUB as two data bytes of 0x10', () => {
    expect(soundOf(new Unshielder().push(Uint8Array.of(1, 0x10, 0x1a, 2)).items)).toEqual(
      Uint8Array.of(1, 0x10, 0x10, 2),
    );
  });

  it('stops right behind DLE ETX', () => {
    const { items, used } = new Unshielder().push(Uint8Array.of(7, 0x10, 0x03, 0x0d, 0x0a));
    expect(used).toBe(3);
    expect(items.at(-1)).toEqual({ type: 'code', code: '\x03' });
  });

  it('drops a complex report, and takes one without an end for broken', () => {
    const report = concat(shieldedCode('X'), new TextEncoder().encode('CID text'), shieldedCode('.'), Uint8Array.of(9));
    expect(soundOf(new Unshielder().push(report).items)).toEqual(Uint8Array.of(9));
    const endless = new Unshielder();
    endless.push(concat(shieldedCode('X'), new Uint8Array(2000)));
    expect(soundOf(endless.push(Uint8Array.of(1, 2)).items)).toEqual(Uint8Array.of(1, 2));
  });

  it('takes any bytes at all', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
        const unshielder = new Unshielder();
        for (let rest = bytes; rest.length > 0; ) {
          const { used } = unshielder.push(rest);
          expect(used).toBeGreaterThan(0);
          rest = rest.subarray(used);
        }
      }),
    );
  });
});
