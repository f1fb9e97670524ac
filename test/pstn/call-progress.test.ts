import { describe, expect, it } from 'vitest';
import { silence } from '#media/g711.ts';
import { ToneGenerator } from '#media/tones.ts';
import { concat } from '#platform/bytes.ts';
import type { NetworkTone } from '#pstn/countries/country.ts';
import { countries } from '#pstn/countries.ts';
import { networkTone } from '#pstn/emulator/sound-source.ts';
import { CallProgressDetector } from '#pstn/supervision/call-progress.ts';

/** Everything the detector tells of a sound, in order. */
function heard(country: keyof typeof countries, sound: Uint8Array): string[] {
  const told: string[] = [];
  const detector = new CallProgressDetector(countries[country], {
    tone: (tone) => told.push(tone),
    voice: () => told.push('voice'),
  });
  for (let at = 0; at < sound.length; at += 137) detector.push(sound.subarray(at, at + 137));
  return told;
}

function seconds(tone: NetworkTone, count: number): Uint8Array {
  return concat(networkTone(tone).next(count * 8000), silence(8000));
}

describe('call progress tones', () => {
  for (const code of ['US', 'GB', 'DE', 'FR'] as const) {
    const country = countries[code];
    it(`of ${code} are told apart`, () => {
      expect(new Set(heard(code, seconds(country.dial, 4)))).toEqual(new Set(['dial']));
      expect(new Set(heard(code, seconds(country.ringback, 14)))).toEqual(new Set(['ringback']));
      expect(new Set(heard(code, seconds(country.busy, 5)))).toEqual(new Set(['busy']));
    });
  }

  it('do not include single tones where those of the network are double', () => {
    for (const hertz of [350, 480, 523, 620, 1000]) {
      expect(heard('US', new ToneGenerator([hertz]).next(24_000))).toEqual(['voice']);
    }
    // Bursts of 440 Hz are a waiting call there.
    expect(heard('US', new ToneGenerator([440]).next(24_000))).toEqual([]);
  });

  it('are not heard in silence or in noise', () => {
    expect(heard('US', silence(40_000))).toEqual([]);
    let state = 1;
    const noise = Uint8Array.from({ length: 40_000 }, () => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      return (state >> 16) & 0xff;
    });
    expect(heard('US', noise)).toEqual(['voice']);
  });
});
