import { dominantFrequency } from '#media/spectrum.ts';
import { readWav } from '#media/wav.ts';

const WINDOW_SECONDS = 0.2;
const CLEAN = 0.6;

/**
 * The tone that fills most of a recording, Hz; 0 when there is none. Looked for in pieces of 0.2 s: a recording of a call
 * ends with the exchange's busy tone when the far end hung up first.
 */
export function prevailingTone(recording: Uint8Array): number {
  const { samples, sampleRate } = readWav(recording);
  const length = Math.round(WINDOW_SECONDS * sampleRate);
  const tones: number[] = [];
  for (let at = 0; at + length <= samples.length; at += length) {
    const tone = dominantFrequency(samples.subarray(at, at + length), sampleRate);
    if (tone && tone.purity >= CLEAN) tones.push(tone.frequency);
  }
  const like = (tone: number) => tones.filter((other) => Math.abs(other - tone) <= 0.02 * tone);
  const most = tones.map(like).reduce((a, b) => (b.length > a.length ? b : a), [] as number[]);
  return most.toSorted((a, b) => a - b)[Math.floor(most.length / 2)] ?? 0;
}
