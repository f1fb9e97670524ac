import type { CountryCode } from '#platform/country-code.ts';
import { americas } from '#pstn/countries/americas.ts';
import { asiaAfricaPacific } from '#pstn/countries/asia-africa-pacific.ts';
import { type CountryRow, countryOf, type LineCountry } from '#pstn/countries/country.ts';
import { europe } from '#pstn/countries/europe.ts';

// A country without a row, or a row without its code in the list, does not compile.
const rows = { ...europe, ...americas, ...asiaAfricaPacific } satisfies Record<CountryCode, CountryRow>;

/** What is known of each country's lines, by ISO 3166 code. */
export const countries: Readonly<Record<CountryCode, LineCountry>> = tableOf(rows);

/** Longest silence within the ringing or ringback of a country, ms. */
export function longestPause(cadence: readonly number[]): number {
  return cadence.reduce((longest, ms, i) => (i % 2 === 1 ? Math.max(longest, ms) : longest), 0);
}

/** A shorter pause parts the two halves of one ring; caller ID has no room in it. */
const RING_PAUSE_MS = 1000;

/** The first ring of a ringing cadence: how many bursts it has, how long it lasts, and after how long the second one begins, ms. */
export function firstRing(ringing: readonly number[]): {
  readonly bursts: number;
  readonly ms: number;
  readonly secondAfterMs: number;
} {
  let ms = 0;
  for (let i = 0; i + 1 < ringing.length; i += 2) {
    ms += ringing[i] ?? 0;
    const pause = ringing[i + 1] ?? 0;
    if (pause >= RING_PAUSE_MS) return { bursts: i / 2 + 1, ms, secondAfterMs: ms + pause };
    ms += pause;
  }
  return { bursts: ringing.length / 2, ms, secondAfterMs: ms };
}

function tableOf<Code extends string>(written: Readonly<Record<Code, CountryRow>>): Record<Code, LineCountry>;
function tableOf(written: Readonly<Record<string, CountryRow>>): Record<string, LineCountry> {
  return Object.fromEntries(Object.entries(written).map(([code, row]) => [code, countryOf(row)]));
}
