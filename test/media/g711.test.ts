import { alaw, mulaw } from 'alawmulaw';
import { describe, expect, it } from 'vitest';
import { alawToMulaw, decodeAlaw, decodeMulaw, encodeAlaw, encodeMulaw, mulawToAlaw, silence } from '#media/g711.ts';

const everyCode = Uint8Array.from({ length: 256 }, (_, i) => i);
const everySample = Int16Array.from({ length: 65_536 }, (_, i) => i - 32_768);

describe('G.711', () => {
  it('decodes every mu-law and A-law code as an independent implementation does', () => {
    expect(Array.from(decodeMulaw(everyCode))).toEqual(Array.from(mulaw.decode(everyCode)));
    expect(Array.from(decodeAlaw(everyCode))).toEqual(Array.from(alaw.decode(everyCode)));
  });

  it('encodes each decoded value back to its own code', () => {
    const again = encodeMulaw(decodeMulaw(everyCode));
    // 0x7f is minus zero: it comes back as plus zero.
    expect(Array.from(again)).toEqual(Array.from(everyCode, (code) => (code === 0x7f ? 0xff : code)));
    expect(Array.from(encodeAlaw(decodeAlaw(everyCode)))).toEqual(Array.from(everyCode));
  });

  it('keeps every sample within half a quantising step of its segment in both laws', () => {
    for (const [decoded, smallest, top] of [
      [decodeMulaw(encodeMulaw(everySample)), 4, 32_124],
      [decodeAlaw(encodeAlaw(everySample)), 8, 32_256],
    ] as const) {
      for (let i = 0; i < everySample.length; i++) {
        const sample = everySample[i]!;
        if (Math.abs(sample) > top) continue;
        const step = Math.max(smallest, Math.abs(sample) / 16);
        expect(Math.abs(decoded[i]! - sample) <= step + 4, `${sample} became ${decoded[i]}`).toBe(true);
      }
    }
  });

  it('converts between the laws without a detour that loses more than one step', () => {
    const there = decodeAlaw(mulawToAlaw(everyCode));
    const back = decodeMulaw(alawToMulaw(mulawToAlaw(everyCode)));
    const original = decodeMulaw(everyCode);
    for (let i = 0; i < 256; i++) {
      const step = Math.max(16, Math.abs(original[i]!) / 16);
      expect(Math.abs(there[i]! - original[i]!)).toBeLessThanOrEqual(step);
      expect(Math.abs(back[i]! - original[i]!)).toBeLessThanOrEqual(2 * step);
    }
    expect(Array.from(decodeMulaw(silence(3)))).toEqual([0, 0, 0]);
  });
});
