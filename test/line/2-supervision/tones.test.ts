import { describe, expect, it } from 'vitest';
import { countryCodes } from '#platform/country-code.ts';
import type { LineCountry, NetworkTone } from '#pstn/countries/country.ts';
import { countries } from '#pstn/countries.ts';
import { type Deviation, type Hearing, hear, specialSound, toneSound } from './sounds.ts';

/** What issue and E.180 ask for: levels, frequencies and times off by what exchanges are off by, and a noisy line. */
const deviations: readonly (readonly [string, Deviation])[] = [
  ['as written', {}],
  ['at -40 dBm0', { dbm0: -40 }],
  ['at 0 dBm0 in all', { dbm0: -6 }],
  ['1.5 % high', { frequency: 1.015 }],
  ['1.5 % low', { frequency: 0.985 }],
  ['10 % slow', { cadence: 1.1 }],
  ['10 % fast', { cadence: 0.9 }],
  ['in noise 20 dB below', { snr: 20 }],
  ['all at once', { dbm0: -30, frequency: 0.985, cadence: 1.1, snr: 20 }],
];

/** Of these the ones that can go wrong together, for tones that are long. */
const some = deviations.filter(([name]) => ['as written', 'at -40 dBm0', 'all at once'].includes(name));

/** The far end's hang-up has to be noticed within this time, the way of the sound through modem and driver included. */
const LIMIT_MS = 1900;

const ending = new Set(['busy', 'congestion']);

function first(heard: readonly Hearing[]): Hearing | undefined {
  return heard.find(({ what }) => what !== 'voice' && what !== 'call-waiting');
}

/** Two cadences that differ by less than what an exchange may be off by: which of the two it is can't be known then. */
function mayBeEither(country: LineCountry, deviation: Deviation): boolean {
  const { busy, congestion } = country;
  if (deviation.cadence === undefined) return false;
  return busy.cadence.length === congestion.cadence.length
    ? busy.cadence.every((ms, i) => Math.abs(ms - (congestion.cadence[i] ?? 0)) < 0.25 * ms)
    : false;
}

describe.each(countryCodes.map((code) => [code, countries[code]] as const))('%s', (_code, country) => {
  it.each(deviations)('busy %s is heard in time', (_name, deviation) => {
    const heard = first(hear(country, toneSound(country.busy, 2500, deviation)));
    expect(heard?.at).toBeLessThan(LIMIT_MS);
    if (mayBeEither(country, deviation)) expect(ending).toContain(heard?.what);
    else expect(heard?.what).toBe('busy');
  });

  it.each(country.congestion === country.busy ? [] : deviations)(
    'congestion %s is heard in time',
    (_name, deviation) => {
      const heard = first(hear(country, toneSound(country.congestion, 2500, deviation)));
      expect(heard?.at).toBeLessThan(LIMIT_MS);
      if (mayBeEither(country, deviation)) expect(ending).toContain(heard?.what);
      else expect(heard?.what).toBe('congestion');
    },
  );

  it('busy and congestion are heard in time wherever in the cadence the line is let in', () => {
    for (const tone of new Set([country.busy, country.congestion])) {
      const period = tone.cadence.reduce((all, ms) => all + ms, 0);
      for (let late = 0; late < period; late += 53) {
        const heard = first(hear(country, toneSound(tone, 2600, { late })));
        // A line that is let in during a pause, or for the last blink of a burst, hears nothing of the tone before the next one.
        const wait = silenceFrom(tone.cadence, late);
        expect([late, ending.has(heard?.what ?? ''), (heard?.at ?? 9999) - wait < 2000]).toEqual([late, true, true]);
      }
    }
  });

  it.each(deviations)('dial tone %s is heard, as soon as it can be no ringing tone', (_name, deviation) => {
    const heard = first(hear(country, toneSound(country.dial, 3500, deviation)));
    expect(heard?.what).toBe('dial');
    expect(heard?.at).toBeLessThan(
      Math.max(LIMIT_MS, sameSound(country.dial, country.ringback) ? longestRing(country) * 1.25 : 0),
    );
  });

  it.each(some)('ringing tone %s is nothing else', (_name, deviation) => {
    const heard = hear(country, toneSound(country.ringback, 7000, deviation));
    expect(new Set(heard.map(({ what }) => what).filter((what) => what !== 'voice'))).toEqual(new Set(['ringback']));
  });

  const { callWaiting } = country;
  if (callWaiting === undefined) return;

  // Bursts of 40 and 50 ms (AT, BR, HU) are over before they can be told from a click.
  const isHeard = callWaiting.cadence.every((ms) => ms >= 100);
  it.each(isHeard ? deviations : [])('a waiting call %s is told', (_name, deviation) => {
    const heard = hear(country, toneSound(callWaiting, 3000, deviation)).map(({ what }) => what);
    expect(heard).toContain('call-waiting');
  });

  it('a waiting call ends nothing', () => {
    const heard = hear(country, toneSound(callWaiting, 11_000)).map(({ what }) => what);
    expect(heard.filter((what) => what !== 'call-waiting')).toEqual([]);
  });
});

const specials = new Map(countryCodes.map((code) => [JSON.stringify(countries[code].special), code]));

describe.each([...specials.values()])('the special information tone of %s', (code) => {
  it.each(deviations)('is heard in time %s', (_name, deviation) => {
    const heard = first(hear(countries[code], specialSound(countries[code], 2000, deviation)));
    expect(heard).toMatchObject({ what: 'special-information' });
    expect(heard?.at).toBeLessThan(1200);
  });
});

/** Whether only its length tells one from the other. */
function sameSound(a: NetworkTone, b: NetworkTone): boolean {
  return a.modulation === b.modulation && String(a.frequencies) === String(b.frequencies);
}

function longestRing(country: LineCountry): number {
  return Math.max(...country.ringback.cadence.filter((_, i) => i % 2 === 0));
}

/** How long nothing is heard of a tone into which one is let so late. */
function silenceFrom(cadence: readonly number[], late: number): number {
  let left = late;
  for (const [i, ms] of cadence.entries()) {
    if (left < ms) {
      if (i % 2 === 1) return ms - left;
      return ms - left < 80 ? ms - left + (cadence[i + 1] ?? 0) : 0;
    }
    left -= ms;
  }
  return 0;
}
