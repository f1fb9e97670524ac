import { describe, expect, it } from 'vitest';
import { countryCodes } from '#platform/country-code.ts';
import { type CountryRow, countryOf } from '#pstn/countries/country.ts';
import { countries } from '#pstn/countries.ts';

const row: CountryRow = { t35: 'B5', dial: '350+440', ringback: '440+480 2000 4000', busy: '480+620 500 500' };

describe('the table of countries', () => {
  it('has a row for every country of the configuration, and thirty at least', () => {
    expect(Object.keys(countries).sort()).toEqual([...countryCodes]);
    expect(countryCodes.length).toBeGreaterThanOrEqual(30);
  });

  it('gives no two countries the same code for their modems', () => {
    expect(new Set(countryCodes.map((code) => countries[code].t35)).size).toBe(countryCodes.length);
  });

  it('keeps to frequencies and times that a telephone line has', () => {
    for (const code of countryCodes) {
      const { dial, ringback, busy, congestion, callWaiting, ringing, special } = countries[code];
      for (const tone of [dial, ringback, busy, congestion, callWaiting ?? dial]) {
        for (const frequency of tone.frequencies) expect(frequency).toBeGreaterThanOrEqual(300);
        for (const frequency of tone.frequencies) expect(frequency).toBeLessThanOrEqual(1400);
        expect(tone.cadence.length % 2).toBe(0);
      }
      for (const tone of [ringback, busy, congestion]) expect(tone.cadence.length).toBeGreaterThan(0);
      expect(ringing.length).toBeGreaterThan(0);
      // E.180 §8 allows 50 Hz.
      for (const [i, frequency] of [950, 1400, 1800].entries()) {
        expect(Math.abs((special.frequencies[i] ?? 0) - frequency)).toBeLessThanOrEqual(50);
      }
    }
  });

  it('fills in what a row leaves out', () => {
    expect(countryOf(row)).toMatchObject({
      congestion: { frequencies: [480, 620], cadence: [500, 500] },
      special: { frequencies: [950, 1400, 1800], ms: 330 },
      callWaiting: undefined,
      ringing: [2000, 4000],
      callerId: 'after-ring',
    });
    expect(countryOf({ ...row, dial: '400*25' }).dial).toEqual({ frequencies: [400], modulation: 25, cadence: [] });
  });

  it.each([
    { t35: 'B' },
    { t35: 'xx' },
    { dial: '' },
    { dial: '350+' },
    { busy: '480 500' },
    { busy: '480 500 0' },
    { busy: '480 500 99999' },
    { ringback: '9000 100 100' },
    { special: '950 1400 1800' },
    { dial: '400*' },
  ])('refuses a row that is not written as it should be: %j', (wrong) => {
    expect(() => countryOf({ ...row, ...wrong })).toThrow(/not|has/);
  });
});
