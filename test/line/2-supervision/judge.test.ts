import { describe, expect, it } from 'vitest';
import { decodeMulaw } from '#media/g711.ts';
import { countryCodes } from '#platform/country-code.ts';
import type { NetworkTone } from '#pstn/countries/country.ts';
import { countries } from '#pstn/countries.ts';
import { networkTone, specialTone } from '#pstn/emulator/sound-source.ts';
import { type SuperToneElement, spandspMissing, spandspSuperTones } from '../../support/spandsp.ts';

if (spandspMissing !== undefined) console.warn(`NOT RUN: libspandsp as judge of the tones, since ${spandspMissing}`);
const isSkipped = spandspMissing !== undefined && process.env.CI === undefined;

/** The row as its detector takes it: each burst and pause within 10 %, or 25 ms. */
function pattern({ frequencies, cadence }: NetworkTone): SuperToneElement[] {
  const [f1 = 0, f2 = 0] = frequencies;
  if (cadence.length === 0) return [{ f1, f2, minMs: 1500, maxMs: 20_000 }];
  return cadence.map((ms, i) => {
    const off = Math.round(Math.max(25, ms * 0.1));
    const [a, b] = i % 2 === 0 ? [f1, f2] : [0, 0];
    return { f1: a, f2: b, minMs: ms - off, maxMs: ms + off };
  });
}

/** With a single frequency to look for, its detector compares it with what the last one left on the stack; so it gets a second. */
const other: SuperToneElement = { f1: 2100, f2: 0, minMs: 3000, maxMs: 4000 };

/** Its detector parts frequencies that lie 20 Hz or more from each other, and knows nothing of modulation. */
function canJudge({ frequencies, modulation }: NetworkTone): boolean {
  const [f1 = 0, f2] = frequencies;
  return modulation === undefined && (f2 === undefined || f2 - f1 > 30);
}

describe.skipIf(isSkipped)('libspandsp hears in the emulated exchange', () => {
  it.each(countryCodes)('the busy, congestion and dial tones of %s', (code) => {
    const { busy, congestion, dial } = countries[code];
    for (const tone of new Set([busy, congestion, dial])) {
      if (!canJudge(tone)) continue;
      const sound = decodeMulaw(networkTone(tone).next(12 * 8000));
      const isHeard = (wanted: NetworkTone) => spandspSuperTones([pattern(wanted), [other]], sound).tones.includes(0);
      expect([tone, isHeard(tone)]).toEqual([tone, true]);
      // Another cadence of the same frequencies is not in it.
      if (tone.cadence.length === 0) continue;
      const slower = { ...tone, cadence: tone.cadence.map((ms) => Math.round(ms * 1.5)) };
      expect([slower, isHeard(slower)]).toEqual([slower, false]);
    }
  });

  it('the three tones of special information', () => {
    const { special } = countries.US;
    const element = (f1: number) => ({ f1, f2: 0, minMs: special.ms - 70, maxMs: special.ms + 70 });
    const sound = decodeMulaw(specialTone(special).next(4 * 8000));
    const isHeard = (order: readonly number[]) => spandspSuperTones([order.map(element)], sound).tones.includes(0);
    expect(isHeard(special.frequencies)).toBe(true);
    expect(isHeard([...special.frequencies].reverse())).toBe(false);
  });
});
