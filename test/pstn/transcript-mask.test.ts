import { describe, expect, it } from 'vitest';
import { maskAnswer } from '#pstn/transcript/mask.ts';

describe('what a shared transcript keeps of a caller', () => {
  it('is nothing, also of lines that lost their end, are very long, or hold letters beyond ASCII', () => {
    expect(maskAnswer('+CLIP: "0301234567')).toBe('+CLIP: "0000000000');
    expect(maskAnswer('+CLIP: "030123","x",,"Zo\xeb')).toBe('+CLIP: "000000","X",,"XXX');
    expect(maskAnswer(`+CLIP: "${'1234 '.repeat(30)}`)).not.toMatch(/[1-8]{2}/);
    expect(maskAnswer('NAME = J\xfcrgen 3')).toBe('NAME = XXXXXX 0');
    expect(maskAnswer(`NAME = ${'Ada '.repeat(60)}`)).not.toMatch(/d/);
    expect(maskAnswer('NAME = P')).toBe('NAME = P');
  });
});
