import { linearOf } from '#media/g711.ts';
import { dbm0OfPeak } from '#media/level.ts';
import { dominantFrequencyOfMulaw, goertzelPower } from '#media/spectrum.ts';
import type { CountryCode } from '#platform/country-code.ts';
import { countries } from '#pstn/countries.ts';

/** What was heard on the line, off hook and before any digit. Levels in dBm0. */
export interface Hearing {
  readonly level: number;
  /** All that is not the tone; at most this, since a tone that drifts counts in part. */
  readonly noise: number;
  readonly tone: 'dial' | 'other' | 'none';
  /** Hz, of the dial tone or of the strongest other tone. */
  readonly frequencies: readonly number[];
  /** Where this is the dial tone, when it is not that of the configured country. */
  readonly elsewhere: readonly CountryCode[];
}

/** 50 ms: 425 Hz is told from 400 well enough, and a tone may drift by some Hz. */
const BLOCK = 400;
/** Below this the line counts as silent, dBm0. */
const SILENT_DBM0 = -48;
const QUIETEST_DBM0 = -80;
/** Share of the energy that a tone's frequencies hold together, and each of them at least. */
const SHARE_OF_ALL = 0.75;
const SHARE_OF_EACH = 0.15;
/** Tones that fit nearly as well as the best are possible too. */
const AS_GOOD = 0.005;
const PURE = 0.6;

/** Looks at some seconds of mu-law sound. */
export function hear(mulaw: Uint8Array, country: CountryCode): Hearing {
  const samples = Int16Array.from(mulaw, linearOf);
  const energy = meanSquare(samples);
  const level = dbm0(energy);
  if (level < SILENT_DBM0) return { level, noise: level, tone: 'none', frequencies: [], elsewhere: [] };
  const own = countries[country].dial.frequencies;
  const share = shareOf(samples, own, energy);
  if (share !== undefined) {
    return { level, noise: dbm0(energy * (1 - share)), tone: 'dial', frequencies: own, elsewhere: [] };
  }
  const shares = codes().map((code) => ({
    code,
    share: shareOf(samples, countries[code].dial.frequencies, energy) ?? 0,
  }));
  const [best] = shares.toSorted((a, b) => b.share - a.share);
  if (best !== undefined && best.share > 0) {
    const { frequencies } = countries[best.code].dial;
    const elsewhere = shares.filter(({ share }) => share > best.share - AS_GOOD).map(({ code }) => code);
    return { level, noise: level, tone: 'other', frequencies, elsewhere };
  }
  const found = dominantFrequencyOfMulaw(mulaw);
  const pure = found !== undefined && found.purity > PURE;
  return {
    level,
    noise: level,
    tone: pure ? 'other' : 'none',
    frequencies: pure ? [Math.round(found.frequency)] : [],
    elsewhere: [],
  };
}

/** The level of one frequency, dBm0. */
export function levelOf(mulaw: Uint8Array, frequency: number): number {
  return dbm0(tonePower(Int16Array.from(mulaw, linearOf), frequency));
}

function shareOf(samples: Int16Array, frequencies: readonly number[], energy: number): number | undefined {
  let sum = 0;
  for (const frequency of frequencies) {
    const share = tonePower(samples, frequency) / energy;
    if (share < SHARE_OF_EACH) return undefined;
    sum += share;
  }
  return sum >= SHARE_OF_ALL ? Math.min(sum, 1) : undefined;
}

/** Mean square of one frequency, block by block. */
function tonePower(samples: Int16Array, frequency: number): number {
  let sum = 0;
  let blocks = 0;
  for (let at = 0; at + BLOCK <= samples.length; at += BLOCK, blocks++) {
    // A sine of peak a has the mean square a²/2.
    sum += goertzelPower(samples.subarray(at, at + BLOCK), frequency) / 2;
  }
  return blocks === 0 ? 0 : sum / blocks;
}

function meanSquare(samples: Int16Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return samples.length === 0 ? 0 : sum / samples.length;
}

function dbm0(energy: number): number {
  return Math.round(10 * Math.max(QUIETEST_DBM0, dbm0OfPeak(Math.sqrt(2 * energy)))) / 10;
}

function codes(): readonly CountryCode[] {
  return Object.keys(countries).filter((code): code is CountryCode => code in countries);
}
