import { getCountryCallingCode, Metadata, parsePhoneNumberFromString } from 'libphonenumber-js/max';
import { describe, expect, it } from 'vitest';
import { configSchema } from '#config/schema.ts';
import { lineDigits } from '#gateway/line-digits.ts';
import { isPremium, numberPlan } from '#gateway/number-plan.ts';
import { numberPlanRows } from '#gateway/number-plan-rows.ts';
import { type CountryCode, countryCodes } from '#platform/country-code.ts';

const [line] = configSchema.parse({ line: [{}] }).line;
const PLAIN = line!.dial;

/** What libphonenumber takes for an international prefix. */
function abroadOf(country: CountryCode, end: '$' | ''): RegExp {
  const known = new Metadata();
  known.selectNumberingPlan(country);
  return new RegExp(`^(?:${known.numberingPlan?.IDDPrefix()})${end}`);
}

/** National numbers all over the plan of a country: each start of three digits, in the usual lengths. */
function* sampleNumbers(callingCode: string): Iterable<string> {
  for (let start = 100; start < 1000; start++) {
    for (const length of [7, 8, 9, 10, 11]) yield `+${callingCode}${`${start}23456789012`.slice(0, length)}`;
  }
}

describe('the countries’ number plans', () => {
  it('are there for every country whose tones are known', () => {
    expect(Object.keys(numberPlanRows).sort()).toEqual([...countryCodes].sort());
  });

  it('have the calling codes and international prefixes that libphonenumber knows', () => {
    for (const country of countryCodes) {
      const { callingCode, internationalPrefix } = numberPlan(country);
      expect(callingCode, country).toBe(getCountryCallingCode(country));
      // In Brazil a carrier's two digits belong to the prefix.
      const whole = country === 'BR' ? `${internationalPrefix}15` : internationalPrefix;
      expect(whole, country).toMatch(abroadOf(country, '$'));
    }
  });

  it('dial a number of each country at home so that libphonenumber reads the same number, and never with what leads abroad', () => {
    for (const country of countryCodes) {
      const plan = numberPlan(country);
      let seen = 0;
      for (const e164 of sampleNumbers(plan.callingCode)) {
        const written = lineDigits({ kind: 'number', e164 }, { plan, dial: PLAIN, areaCode: undefined });
        if (!('digits' in written)) continue;
        expect(written.digits, `${country} ${e164}`).not.toMatch(abroadOf(country, ''));
        const parsed = parsePhoneNumberFromString(e164);
        if (seen >= 20 || !parsed?.isValid() || parsed.number !== e164 || parsed.country !== country) continue;
        seen++;
        const read = parsePhoneNumberFromString(written.digits, { defaultCountry: country });
        expect(read?.number, `${country} ${written.digits}`).toBe(e164);
      }
      expect(seen, country).toBeGreaterThan(0);
    }
  });

  it('cover the premium numbers that libphonenumber knows, and nearly no others', () => {
    const missed: string[] = [];
    let wrong = 0;
    let ordinary = 0;
    for (const country of countryCodes) {
      for (const number of sampleNumbers(numberPlan(country).callingCode)) {
        const parsed = parsePhoneNumberFromString(number);
        if (!parsed?.isValid() || parsed.number !== number || parsed.country !== country) continue;
        const type = parsed.getType();
        if (type === 'PREMIUM_RATE' && !isPremium(number)) missed.push(`${country} ${number}`);
        if (type !== 'FIXED_LINE' && type !== 'MOBILE' && type !== 'FIXED_LINE_OR_MOBILE') continue;
        ordinary++;
        if (isPremium(number)) wrong++;
      }
    }
    expect(missed).toEqual([]);
    expect(ordinary).toBeGreaterThan(20_000);
    expect(wrong / ordinary).toBeLessThan(0.001);
  });

  it('name emergency numbers, the main one first, none of which is an ordinary number', () => {
    for (const country of countryCodes) {
      const { emergency, callingCode } = numberPlan(country);
      expect(emergency.length, country).toBeGreaterThan(0);
      for (const number of emergency) {
        expect(number, country).toMatch(/^\d{2,5}$/);
        expect(parsePhoneNumberFromString(`+${callingCode}${number}`)?.isValid() ?? false, `${country} ${number}`).toBe(
          false,
        );
      }
    }
  });
});
