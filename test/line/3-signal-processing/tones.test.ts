import { describe, expect, it } from 'vitest';
import { decodeMulaw } from '#media/g711.ts';
import { dbm0OfPeak } from '#media/level.ts';
import { dominantFrequency } from '#media/spectrum.ts';
import { cadenced, ToneSequence, type ToneSequenceOptions } from '#media/tone-sequence.ts';
import { type SuperToneElement, spandspMissing, spandspSuperTones } from '../../support/spandsp.ts';
import { skipped } from './skipped.ts';

const play = (options: ToneSequenceOptions, ms: number) => new ToneSequence(options).nextLinear(ms * 8);

/** Power of one frequency as the peak of its sine, by plain correlation. */
function peakAt(samples: Int16Array, hz: number): number {
  let re = 0;
  let im = 0;
  for (let i = 0; i < samples.length; i++) {
    re += (samples[i] ?? 0) * Math.cos((2 * Math.PI * hz * i) / 8000);
    im += (samples[i] ?? 0) * Math.sin((2 * Math.PI * hz * i) / 8000);
  }
  return (2 * Math.hypot(re, im)) / samples.length;
}

/** Where sound is, as [begin, end] in ms, by 5 ms pieces. */
function bursts(samples: Int16Array): number[][] {
  const found: number[][] = [];
  let on = false;
  for (let at = 0; at < samples.length; at += 40) {
    const loud = samples.subarray(at, at + 40).some((sample) => Math.abs(sample) > 100);
    if (loud && !on) found.push([at / 8]);
    if (!loud && on) found.at(-1)?.push(at / 8);
    on = loud;
  }
  return found;
}

describe('tone generator', () => {
  it('plays each frequency at the level asked for, within 0.1 dB', () => {
    for (const levelDbm0 of [-36, -20, -13, -6]) {
      for (const frequencies of [[425], [350, 440], [480, 620], [1100]]) {
        const samples = play({ steps: cadenced(frequencies, []), levelDbm0 }, 1100).subarray(800);
        for (const hz of frequencies) expect(dbm0OfPeak(peakAt(samples, hz)), `${hz} Hz`).toBeCloseTo(levelDbm0, 1);
      }
    }
  });

  it('gives 0 dBm0 the digital sequence of ITU-T G.711 table 5, the 1000 Hz reference', () => {
    // Four samples of a quarter turn each: the codes of the standard's sequence for mu-law are 1E 0B 0B 1E and their negatives.
    const reference = decodeMulaw(Uint8Array.from([0x1e, 0x0b, 0x0b, 0x1e, 0x9e, 0x8b, 0x8b, 0x9e]));
    const standard = Int16Array.from({ length: 8000 }, (_, i) => reference[i % 8] ?? 0);
    const ours = play({ steps: cadenced([1000], []), levelDbm0: 0 }, 1100).subarray(800);
    const ratio = 20 * Math.log10(peakAt(ours, 1000) / peakAt(standard, 1000));
    expect(Math.abs(ratio)).toBeLessThan(0.1);
  });

  it('keeps to its cadence, its number of repeats and its sequence of frequencies', () => {
    const special = [950, 1400, 1800].map((hz) => ({ frequencies: [hz], ms: 330 }));
    const samples = play({ steps: [...special, { frequencies: [], ms: 1000 }], times: 2 }, 6000);
    expect(bursts(samples)).toEqual([
      [0, 990],
      [1990, 2980],
    ]);
    for (const [at, hz] of [
      [0, 950],
      [330, 1400],
      [660, 1800],
      [1990, 950],
      [2650, 1800],
    ] as const) {
      expect(dominantFrequency(samples.subarray((at + 20) * 8, (at + 310) * 8))?.frequency, `${at} ms`).toBeCloseTo(
        hz,
        0,
      );
    }
    expect(bursts(play({ steps: cadenced([425], [400, 200, 400, 2000]) }, 6200)).map(([begin]) => begin)).toEqual([
      0, 600, 3000, 3600, 6000,
    ]);
  });

  it('begins and ends without a click', () => {
    for (const hz of [300, 425, 1000, 1800]) {
      // 103.3 ms is no whole number of turns, so that a hard end would cut one.
      const samples = play({ steps: cadenced([hz], [103.375, 96.625]), levelDbm0: -10 }, 1000);
      const steady = play({ steps: cadenced([hz], []), levelDbm0: -10 }, 200).subarray(800);
      // A click is a step: nowhere may the sound jump further than it does within its own sine.
      const jump = (all: Int16Array) =>
        all.reduce((most, sample, i) => (i === 0 ? 0 : Math.max(most, Math.abs(sample - (all[i - 1] ?? 0)))), 0);
      expect(jump(samples)).toBeLessThanOrEqual(jump(steady) + 1);
      // The energy 1 kHz and more away, where a hard edge would put it, is 50 dB down over a whole burst with both its edges.
      const burst = samples.subarray(0, 827);
      for (const far of [hz + 1000, hz + 1500])
        expect(20 * Math.log10(peakAt(burst, far) / peakAt(burst, hz)), `${hz} Hz`).toBeLessThan(-50);
    }
  });

  it('gives the same sound in pieces of any size, hours on too', () => {
    const options = { steps: cadenced([425], [330, 170], 25), times: 4 };
    const whole = play(options, 2500);
    const sequence = new ToneSequence(options);
    const pieces: number[] = [];
    for (let size = 1; pieces.length < whole.length; size = (size * 7) % 333 || 1) {
      pieces.push(...sequence.nextLinear(Math.min(size, whole.length - pieces.length)));
    }
    expect(Int16Array.from(pieces)).toEqual(whole);
    expect(sequence.over).toBe(true);
    const long = new ToneSequence({ steps: cadenced([440], []) });
    for (let hour = 0; hour < 2; hour++) for (let i = 0; i < 36; i++) long.nextLinear(8000 * 10);
    expect(dominantFrequency(long.nextLinear(4096))?.frequency).toBeCloseTo(440, 0);
  });

  it('swells and fades a modulated tone', () => {
    const samples = play({ steps: cadenced([400], [], 25), levelDbm0: -13 }, 2100).subarray(800);
    const carrier = peakAt(samples, 400);
    expect(dbm0OfPeak(carrier)).toBeCloseTo(-13, 1);
    for (const side of [375, 425]) expect(peakAt(samples, side) / carrier).toBeCloseTo(0.45, 2);
  });
});

describe.skipIf(skipped('tones and libspandsp', spandspMissing))('tones and libspandsp', () => {
  const element = (f1: number, f2: number, ms: number): SuperToneElement => ({
    f1,
    f2,
    minMs: ms * 0.85,
    maxMs: ms * 1.15,
  });

  it('recognises busy, congestion, ringback and special information tones as its supervisory tone detector knows them', () => {
    const busy = [element(480, 620, 500), element(0, 0, 500)];
    const congestion = [element(480, 620, 250), element(0, 0, 250)];
    const special = [element(950, 0, 330), element(1400, 0, 330), element(1800, 0, 330)];
    const patterns = [busy, congestion, special];
    const heard = (options: ToneSequenceOptions) => spandspSuperTones(patterns, play(options, 6000)).tones;
    expect(heard({ steps: cadenced([480, 620], [500, 500]) })).toContain(0);
    expect(heard({ steps: cadenced([480, 620], [250, 250]) })).toContain(1);
    const steps = [950, 1400, 1800].map((hz) => ({ frequencies: [hz], ms: 330 }));
    expect(heard({ steps: [...steps, { frequencies: [], ms: 1000 }] })).toContain(2);
    expect(heard({ steps: cadenced([480, 620], [1500, 500]) }).filter((tone) => tone >= 0)).toEqual([]);
  });

  it('measures the bursts and pauses that were asked for', () => {
    const patterns = [[element(425, 0, 400), element(0, 0, 600)]];
    const { segments } = spandspSuperTones(patterns, play({ steps: cadenced([425], [400, 600]) }, 6000));
    const on = segments.filter(({ f1 }) => f1 >= 0);
    expect(on.length).toBeGreaterThan(3);
    // It looks every 16 ms.
    for (const { ms } of on) expect(Math.abs(ms - 400)).toBeLessThanOrEqual(24);
  });
});
