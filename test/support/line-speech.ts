import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linearOf, mulawOf } from '#media/g711.ts';
import { peakOfDbm0 } from '#media/level.ts';
import { readWav } from '#media/wav.ts';

/** Why speech can't be made, undefined when it can. */
export const espeakMissing =
  spawnSync('espeak-ng', ['--version']).error || spawnSync('sox', ['--version']).error
    ? 'espeak-ng or sox is not installed (apt-get install espeak-ng sox)'
    : undefined;

const TEXTS = {
  her: 'Good morning, this is a test of the telephone line between the gateway and the exchange. The quick brown fox jumps over the lazy dog. Please say your name after the tone, and wait for somebody to answer you.',
  him: 'She sells sea shells on the sea shore. Yes, I have understood that, thank you very much, and now let us talk about the weather in the mountains.',
} as const;
const VOICES = { her: ['en+f3', '150'], him: ['en', '160'] } as const;

export type Speaker = keyof typeof TEXTS;

/** Speech of espeak-ng as a telephone carries it, at a level in dBm0 of its active parts, repeated with pauses of 0.5 s. */
export function speech(speaker: Speaker, seconds: number, dbm0: number): Float64Array {
  const directory = mkdtempSync(join(tmpdir(), 'copperring-speech-'));
  try {
    const [voice, speed] = VOICES[speaker];
    const file = (name: string) => join(directory, name);
    execFileSync('espeak-ng', ['-v', voice, '-s', speed, '-w', file('a.wav'), TEXTS[speaker]]);
    const format = ['-r', '8000', '-c', '1', '-e', 'signed', '-b', '16'];
    execFileSync('sox', [
      file('a.wav'),
      ...format,
      file('b.wav'),
      'gain',
      '-n',
      '-6',
      'highpass',
      '200',
      'lowpass',
      '3400',
    ]);
    return repeated(Float64Array.from(readWav(readFileSync(file('b.wav'))).samples), seconds, dbm0);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function repeated(once: Float64Array, seconds: number, dbm0: number): Float64Array {
  const gain = peakOfDbm0(dbm0) / Math.SQRT2 / Math.sqrt(activePower(once));
  const out = new Float64Array(seconds * 8000);
  for (let i = 0; i < out.length; i++) out[i] = gain * (once[i % (once.length + 4000)] ?? 0);
  return out;
}

/** Mean power of the pieces of 20 ms that stand within 25 dB of the loudest: a simple form of ITU-T P.56. */
export function activePower(sound: Float64Array): number {
  const powers: number[] = [];
  for (let at = 0; at + 160 <= sound.length; at += 160) powers.push(powerOf(sound, at, at + 160));
  const most = Math.max(...powers);
  const active = powers.filter((power) => power > most / 316);
  return active.reduce((sum, power) => sum + power, 0) / active.length;
}

export function powerOf(sound: Float64Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += (sound[i] ?? 0) ** 2;
  return sum / (to - from);
}

/** White noise of a level in dBm0, by seed. */
export function noise(seconds: number, dbm0: number, seed = 1): Float64Array {
  const random = randomOf(seed);
  const deviation = peakOfDbm0(dbm0) / Math.SQRT2;
  return Float64Array.from(
    { length: seconds * 8000 },
    () => deviation * Math.sqrt(-2 * Math.log(random() + 1e-12)) * Math.cos(2 * Math.PI * random()),
  );
}

export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** As it is after it was carried in mu-law. */
export function carried(sample: number): number {
  return linearOf(mulawOf(Math.max(-32_000, Math.min(32_000, Math.round(sample)))));
}

/**
 * Speech-like sound without outside programs, in the manner of ITU-T G.168's composite source: voiced syllables of changing pitch
 * through two formants, noise-like consonants and pauses.
 */
export function speechLike(seconds: number, dbm0: number, seed = 1): Float64Array {
  const random = randomOf(seed);
  const out = new Float64Array(seconds * 8000);
  for (let at = 0; at < out.length; ) at = syllable(out, at, random);
  const gain = peakOfDbm0(dbm0) / Math.SQRT2 / Math.sqrt(activePower(out));
  return out.map((sample) => sample * gain);
}

function syllable(out: Float64Array, start: number, random: () => number): number {
  const length = Math.round(800 + 1600 * random());
  const voiced = random() < 0.75;
  const formants = [300 + 500 * random(), 1000 + 1400 * random(), 2500 + 600 * random()];
  const filters = formants.map((hz, n) => ({
    a: 2 * (0.97 - 0.02 * n) * Math.cos((2 * Math.PI * hz) / 8000),
    b: (0.97 - 0.02 * n) ** 2,
    y1: 0,
    y2: 0,
  }));
  const pitch = 90 + 130 * random();
  const glide = 1 + 0.4 * (random() - 0.5);
  let phase = 0;
  for (let i = 0; i < length && start + i < out.length; i++) {
    phase += (pitch * (1 + ((glide - 1) * i) / length)) / 8000;
    const pulse = voiced ? (phase >= 1 ? 1 : 0) + 0.02 * (random() - 0.5) : 0.3 * (random() - 0.5);
    if (phase >= 1) phase -= 1;
    let sum = 0;
    for (const filter of filters) {
      const y = pulse + filter.a * filter.y1 - filter.b * filter.y2;
      filter.y2 = filter.y1;
      filter.y1 = y;
      sum += y;
    }
    out[start + i] = sum * Math.sin((Math.PI * i) / length);
  }
  return start + length + (random() < 0.25 ? 3000 : 300);
}
