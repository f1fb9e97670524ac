import { encodeMulaw, silence } from '#media/g711.ts';
import { peakOfDbm0 } from '#media/level.ts';
import { concat } from '#platform/bytes.ts';
import type { LineCountry, NetworkTone } from '#pstn/countries/country.ts';
import { type Heard, NetworkEar } from '#pstn/supervision/network-ear.ts';

/** How far a tone is from its row. */
export interface Deviation {
  /** Of each frequency; -13 when not given. */
  readonly dbm0?: number;
  /** Factors on all frequencies and all times. */
  readonly frequency?: number;
  readonly cadence?: number;
  /** White noise below the tone, dB. */
  readonly snr?: number;
  /** Milliseconds that the caller comes too late for, the tone having begun before. */
  readonly late?: number;
}

/** Numbers from 0 to 1, the same ones each time. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A network tone as linear samples, made here and not with the generators of the product. */
export function toneSound(tone: NetworkTone, ms: number, deviation: Deviation = {}): Int16Array {
  const { frequency = 1, cadence = 1, late = 0 } = deviation;
  const peak = peakOfDbm0(deviation.dbm0 ?? -13);
  const samples = new Float64Array(ms * 8);
  for (const [from, to] of bursts(tone.cadence, cadence, late, ms)) {
    for (let i = Math.round(from * 8); i < Math.min(samples.length, Math.round(to * 8)); i++) {
      let sum = 0;
      for (const hertz of tone.frequencies) sum += Math.sin((2 * Math.PI * hertz * frequency * i) / 8000);
      const swing = tone.modulation === undefined ? 1 : 1 + 0.9 * Math.sin((2 * Math.PI * tone.modulation * i) / 8000);
      samples[i] = sum * swing * peak;
    }
  }
  return withNoise(samples, peak * Math.sqrt(tone.frequencies.length / 2), deviation.snr);
}

/** When there is sound, ms: each burst from and to. */
function* bursts(cadence: readonly number[], factor: number, late: number, ms: number): Generator<[number, number]> {
  if (cadence.length === 0) yield [0, ms];
  for (let at = -late, i = 0; cadence.length > 0 && at < ms; i++) {
    const end = at + (cadence[i % cadence.length] ?? 0) * factor;
    if (i % 2 === 0 && end > 0) yield [Math.max(0, at), end];
    at = end;
  }
}

/** The special information tone, over and over with a second between. */
export function specialSound(country: LineCountry, ms: number, deviation: Deviation = {}): Int16Array {
  const { frequency = 1, cadence = 1 } = deviation;
  const peak = peakOfDbm0(deviation.dbm0 ?? -13);
  const samples = new Float64Array(ms * 8);
  const part = country.special.ms * cadence;
  for (let i = 0; i < samples.length; i++) {
    const hertz = country.special.frequencies[Math.floor(((i / 8) % (3 * part + 1000)) / part)];
    if (hertz !== undefined) samples[i] = peak * Math.sin((2 * Math.PI * hertz * frequency * i) / 8000);
  }
  return withNoise(samples, peak / Math.SQRT2, deviation.snr);
}

function withNoise(samples: Float64Array, rms: number, snr: number | undefined): Int16Array {
  const random = seeded(samples.length);
  // Even between -a and a, so of the power a²/3.
  const noise = snr === undefined ? 0 : rms * 10 ** (-snr / 20) * Math.sqrt(3);
  return Int16Array.from(samples, (sample) =>
    Math.max(-32_768, Math.min(32_767, Math.round(sample + noise * (2 * random() - 1)))),
  );
}

export interface Hearing {
  readonly what: Heard;
  /** Milliseconds since the sound began. */
  readonly at: number;
}

/** Everything an ear of this country tells of a sound that comes after half a second of silence, piece by piece as a modem gives it. */
export function hear(country: LineCountry, sound: Int16Array): Hearing[] {
  const heard: Hearing[] = [];
  let at = -500;
  const ear = new NetworkEar(country, (what) => heard.push({ what, at }));
  const all = concat(silence(4000), encodeMulaw(sound));
  const PIECE = 40;
  for (let i = 0; i < all.length; i += PIECE) {
    at += PIECE / 8;
    ear.push(all.subarray(i, i + PIECE));
  }
  return heard;
}
