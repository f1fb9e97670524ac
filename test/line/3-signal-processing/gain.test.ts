import { describe, expect, it } from 'vitest';
import { AutomaticGain, LineLimiter } from '#media/gain.ts';
import { peakOfDbm0 } from '#media/level.ts';
import { activePower, noise, speechLike } from '../../support/line-speech.ts';
import { sum } from './sound.ts';

const dbm0Of = (power: number) => 10 * Math.log10((2 * power) / peakOfDbm0(0) ** 2);
const activeLevel = (sound: Float64Array, from: number, to: number) =>
  dbm0Of(activePower(sound.subarray(from * 8000, to * 8000)));

/** Through the automatic gain in pieces of 10 ms; also the gain behind each. */
function levelled(sound: Float64Array) {
  const gain = new AutomaticGain();
  const out = sound.slice();
  const gains: number[] = [];
  for (let at = 0; at < out.length; at += 80) {
    gain.process(out.subarray(at, at + 80));
    gains.push(gain.gainDb);
  }
  return { out, gains };
}

describe('the automatic gain', () => {
  it.each([-28, -24, -19, -13])('brings speech of %i dBm0 to about -19 dBm0', (dbm0) => {
    const { out } = levelled(speechLike(20, dbm0, 4));
    expect(activeLevel(out, 12, 20)).toBeGreaterThan(-21.5);
    expect(activeLevel(out, 12, 20)).toBeLessThan(-16.5);
  });

  it('gives 12 dB at most, either way', () => {
    // It stops within 1 dB of what is wanted.
    expect(levelled(speechLike(20, -38, 4)).gains.at(-1)).toBeGreaterThan(10.9);
    expect(levelled(speechLike(20, -38, 4)).gains.at(-1)).toBeLessThan(12.01);
    expect(levelled(speechLike(20, -3, 4)).gains.at(-1)).toBeGreaterThan(-12.01);
    expect(levelled(speechLike(20, -3, 4)).gains.at(-1)).toBeLessThan(-9);
  });

  it('moves slowly, and not at all in silence', () => {
    const spoken = speechLike(30, -29, 4).map((sample, n) => (n > 8 * 8000 && n < 22 * 8000 ? 0 : sample));
    const { gains } = levelled(sum(spoken, noise(30, -62)));
    for (let n = 100; n < gains.length; n++) {
      expect(gains[n]! - gains[n - 100]!).toBeLessThan(3.1);
      expect(gains[n - 100]! - gains[n]!).toBeLessThan(6.1);
    }
    expect(gains[2150]! - gains[850]!).toBeCloseTo(0, 5);
    expect(gains[850]).toBeGreaterThan(5);
  });

  it('does not raise a noisy line without speech', () => {
    expect(levelled(noise(20, -50)).gains.at(-1)).toBe(0);
  });

  it('never clips when loud speech follows faint speech', () => {
    const sound = sum(
      speechLike(14, -34, 4),
      speechLike(14, -6, 5).map((sample, n) => (n > 10 * 8000 ? sample : 0)),
    );
    const { out, gains } = levelled(sound.map((sample) => Math.max(-30_000, Math.min(30_000, sample))));
    expect(gains[1000]).toBeGreaterThan(9);
    expect(out.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0)).toBeLessThan(32_000);
  });
});

describe('the limiter towards the line', () => {
  function limited(sound: Float64Array) {
    const limiter = new LineLimiter();
    const out = sound.slice();
    let touched = false;
    for (let at = 0; at < out.length; at += 80) if (limiter.process(out.subarray(at, at + 80))) touched = true;
    return { out, touched };
  }

  /** The loudest mean of 3 s, in steps of 0.1 s. */
  function loudest3s(sound: Float64Array): number {
    let most = 0;
    for (let at = 0; at + 24_000 <= sound.length; at += 800) {
      let power = 0;
      for (let n = at; n < at + 24_000; n++) power += sound[n]! ** 2 / 24_000;
      most = Math.max(most, power);
    }
    return dbm0Of(most);
  }

  const tone = (n: number) => 32_000 * Math.sin(0.7854 * n);
  it.each([
    ['a full-scale tone out of silence', Float64Array.from({ length: 80_000 }, (_, n) => (n > 16_000 ? tone(n) : 0))],
    [
      'bursts of a full-scale tone',
      Float64Array.from({ length: 160_000 }, (_, n) => (n % 12_000 < 6000 ? tone(n) : 0)),
    ],
    ['shouting', speechLike(20, -4, 3).map((sample) => Math.max(-32_000, Math.min(32_000, sample)))],
    ['loud noise', noise(10, -5).map((sample) => Math.max(-32_000, Math.min(32_000, sample)))],
  ])('keeps every 3 s of %s within -9 dBm0', (_, sound) => {
    expect(loudest3s(sound)).toBeGreaterThan(-9);
    expect(loudest3s(limited(sound).out)).toBeLessThanOrEqual(-9);
  });

  it('leaves speech of ordinary level as it is', () => {
    const sound = speechLike(20, -19, 3);
    const { out, touched } = limited(sound);
    expect(touched).toBe(false);
    expect(out).toEqual(sound);
  });
});
