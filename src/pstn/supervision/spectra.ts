import type { LineCountry, NetworkTone } from '#pstn/countries/country.ts';
import type { CadencedTone, ToneName } from '#pstn/supervision/cadence.ts';
import { type Band, STEP_MS } from '#pstn/supervision/tone-bank.ts';

/** Tones of a country that have the same frequencies: only the cadence tells one from the other. */
export interface ToneFamily {
  /** One band for each frequency; frequencies that the window can't part share one. */
  readonly bands: readonly Band[];
  /** The middle of each band, Hz. */
  readonly centres: readonly number[];
  readonly tones: readonly CadencedTone[];
  /** Whether the level of a burst stays the same: no modulation, no beats. */
  readonly isLevel: boolean;
  /** Steps for which the modulation may take the level away: half a turn of it. */
  readonly dips: number;
}

/** An exchange may be off by this share; so much of that a band of a single frequency covers, and a wider one is needed for high tones. */
const DRIFT = 0.015;
const COVERED_HZ = 10;
/** Closer than this, two frequencies beat within one band. */
const BEAT_HZ = 35;
/** Families whose middles differ by less than this share are one. */
const SAME = 0.01;

/** The families of a country's tones. */
export function familiesOf(country: LineCountry): readonly ToneFamily[] {
  const tones: readonly (readonly [ToneName, NetworkTone | undefined])[] = [
    ['dial', country.dial],
    ['ringback', country.ringback],
    ['busy', country.busy],
    ['congestion', country.congestion === country.busy ? undefined : country.congestion],
    ['call-waiting', country.callWaiting],
  ];
  const families: ToneFamily[] = [];
  for (const [name, tone] of tones) {
    if (tone === undefined) continue;
    const family = familyOf(name, tone);
    const index = families.findIndex((other) => isSame(other, family));
    const known = families[index];
    if (known === undefined) families.push(family);
    else families[index] = joined(known, family);
  }
  return families;
}

function familyOf(name: ToneName, tone: NetworkTone): ToneFamily {
  const modulation = tone.modulation ?? 0;
  const bands: Band[] = [];
  for (const frequency of [...tone.frequencies].sort((a, b) => a - b)) {
    const last = bands.at(-1);
    if (last && frequency - last.to < BEAT_HZ) bands[bands.length - 1] = { ...last, to: frequency };
    else {
      const half = Math.max(modulation, frequency * DRIFT - COVERED_HZ);
      bands.push({ from: frequency - half, to: frequency + half, window: 'long' });
    }
  }
  return {
    bands,
    centres: bands.map(({ from, to }) => (from + to) / 2),
    tones: [{ name, cadence: tone.cadence, isModulated: modulation !== 0 }],
    isLevel: modulation === 0 && bands.length === tone.frequencies.length,
    dips: modulation === 0 ? 0 : Math.ceil(1000 / modulation / 2 / STEP_MS),
  };
}

function isSame(a: ToneFamily, b: ToneFamily): boolean {
  if (a.centres.length !== b.centres.length) return false;
  return a.centres.every((centre, i) => Math.abs(centre - (b.centres[i] ?? 0)) < centre * SAME);
}

function joined(a: ToneFamily, b: ToneFamily): ToneFamily {
  return {
    bands: a.bands.map((band, i) => {
      const other = b.bands[i] ?? band;
      return { from: Math.min(band.from, other.from), to: Math.max(band.to, other.to), window: 'long' };
    }),
    centres: a.centres,
    tones: [...a.tones, ...b.tones],
    isLevel: a.isLevel && b.isLevel,
    dips: Math.max(a.dips, b.dips),
  };
}
