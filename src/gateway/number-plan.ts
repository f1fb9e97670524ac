import { numberPlanRows } from '#gateway/number-plan-rows.ts';
import type { CountryCode } from '#platform/country-code.ts';

/** What a country's numbering makes of digits. */
export interface NumberPlan {
  /** ISO 3166 code, as libphonenumber wants it. */
  readonly country: CountryCode;
  readonly callingCode: string;
  /** Dialled before a calling code. */
  readonly internationalPrefix: string;
  /** Dialled before a national number; empty where there is none. */
  readonly nationalPrefix: string;
  /** The first one stands for emergency numbers of other countries. */
  readonly emergency: readonly string[];
  /** Dialled before a number to withhold the own one; undefined where it is not known. */
  readonly withhold: string | undefined;
  /** Whether digits, as they would be dialled, lead abroad. */
  readonly leadsAbroad: (digits: string) => boolean;
  /** Whether a number of the same calling code belongs to another country all the same. */
  readonly isForeign: (national: string) => boolean;
}

export function numberPlan(country: CountryCode): NumberPlan {
  const row = numberPlanRows[country];
  const [callingCode, internationalPrefix, nationalPrefix] = row.dial;
  const { emergency, withhold, abroad = [], foreign = [], home } = row;
  // 00 is understood in many countries whose own prefix is another one.
  const prefixes = [internationalPrefix, '00', ...abroad];
  const begins = (national: string, starts: readonly string[]) => starts.some((start) => national.startsWith(start));
  return {
    country,
    callingCode,
    internationalPrefix,
    nationalPrefix,
    emergency,
    withhold,
    leadsAbroad: (digits) => begins(digits, prefixes),
    isForeign: (national) => begins(national, foreign) || (home !== undefined && !begins(national, home)),
  };
}

/** The national number, without national prefix; undefined for other countries. */
export function nationalPart(e164: string, plan: NumberPlan): string | undefined {
  const home = `+${plan.callingCode}`;
  return e164.startsWith(home) ? e164.slice(home.length) : undefined;
}

/** Whether a number lies outside of the plan's country; countries that share a calling code are told apart. */
export function isAbroad(e164: string, plan: NumberPlan): boolean {
  const national = nationalPart(e164, plan);
  return national === undefined || plan.isForeign(national);
}

/**
 * Satellite networks, networks of no country and international premium rate (ITU-T E.164.1, list of assigned country codes): what they
 * cost surprises everybody.
 */
const PREMIUM_CODES = ['870', '878', '881', '882', '883', '979'];

interface PremiumRange {
  readonly start: string;
  /** Digits of the whole number, calling code included; undefined for any. */
  readonly length: number | undefined;
}

const premiumRanges: readonly PremiumRange[] = [
  ...PREMIUM_CODES.map((start) => ({ start, length: undefined })),
  ...Object.values(numberPlanRows).flatMap(({ dial: [code], premium }) =>
    premium.map((written) => {
      const [start = '', length] = written.split('/');
      return { start: code + start, length: length === undefined ? undefined : code.length + Number(length) };
    }),
  ),
];

/** Whether a number is known to have a premium tariff, in whatever country. */
export function isPremium(e164: string): boolean {
  const digits = e164.slice(1);
  return premiumRanges.some(
    ({ start, length }) => digits.startsWith(start) && (length ?? digits.length) === digits.length,
  );
}
