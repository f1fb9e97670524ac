import { describe, expect, it } from 'vitest';
import { peakOfDbm0 } from '#media/level.ts';
import { hybridResponse, hybridShapes } from '#pstn/emulator/hybrid.ts';
import { noise, powerOf, speechLike } from '../../support/line-speech.ts';
import { cleaned, echoLine, lossDb } from './echo-line.ts';
import { segmentalSnr } from './likeness.ts';

const steady =
  <T>(value: T) =>
  () =>
    value;
const places = (from: number, to: number) => Array.from({ length: (to - from) * 50 }, (_, i) => from * 8000 + 160 * i);
const ERLS = [6, 8, 10, 12] as const;
const short = hybridResponse({ shape: 'short', erlDb: 6 });
const dispersive = hybridResponse({ shape: 'dispersive', erlDb: 8 });
const powerOfDbm0 = (dbm0: number) => peakOfDbm0(dbm0) ** 2 / 2;

describe('the line echo canceller', () => {
  const material = [
    ['noise', noise(8, -16)],
    ['speech-like sound', speechLike(12, -16)],
  ] as const;
  describe.each(material)('on %s', (name, played) => {
    it.each(hybridShapes.map((shape, n) => ({ shape, erlDb: ERLS[n]! })))(
      'weakens the echo of a $shape hybrid of $erlDb dB by 30 dB, and more with its suppressor',
      ({ shape, erlDb }) => {
        const path = hybridResponse({ shape, erlDb });
        const sound = echoLine({ played, path: steady(path), delay: steady(777) });
        const linear = cleaned(sound, false);
        const all = cleaned(sound, true);
        const found = linear.delays.findIndex((delay) => delay !== undefined) / 10;
        const end = played.length / 8000 - 0.5;
        const first = lossDb(sound.heard, linear.left, [found + 0.5, found + 1.5]);
        const later = lossDb(sound.heard, linear.left, [4, end]);
        const suppressed = lossDb(sound.heard, all.left, [4, end]);
        console.log(
          `echo, ${name}, ${shape}, ERL ${erlDb} dB: delay found after ${found} s; ERLE linear ${first.toFixed(1)} dB ` +
            `0.5 to 1.5 s later, ${later.toFixed(1)} dB in the end, ${suppressed.toFixed(1)} dB with suppressor`,
        );
        expect(found).toBeGreaterThan(0);
        expect(found).toBeLessThanOrEqual(2);
        expect(first).toBeGreaterThan(15);
        expect(later).toBeGreaterThan(30);
        expect(suppressed).toBeGreaterThan(33);
        expect(linear.canceller.statistics.erleDb).toBeGreaterThan(24);
      },
    );
  });

  it.each([65, 120, 250, 410])('finds a delay of %i ms by itself, within 2 s of speech', (ms) => {
    const sound = echoLine({ played: speechLike(4, -20, 3), path: steady(dispersive), delay: steady(8 * ms) });
    const { delays } = cleaned(sound, false);
    expect(delays[20]).toBeGreaterThan(ms);
    // The strongest part of the echo, which comes a little after its beginning.
    expect(delays[20]).toBeLessThan(ms + 5);
  });

  it('follows a delay that jumps, as when the modem ran dry', () => {
    const delay = (n: number) => (n < 5 * 8000 ? 700 : 1500);
    const sound = echoLine({ played: speechLike(12, -16), path: steady(short), delay });
    const { left, delays } = cleaned(sound, false);
    expect(lossDb(sound.heard, left, [3, 5])).toBeGreaterThan(28);
    expect(delays[70]).toBeGreaterThan(187);
    expect(lossDb(sound.heard, left, [7.5, 9])).toBeGreaterThan(20);
    expect(lossDb(sound.heard, left, [9, 11.5])).toBeGreaterThan(26);
  });

  it('learns a changed echo path anew', () => {
    const path = (n: number) => (n < 6 * 8000 ? short : dispersive);
    const sound = echoLine({ played: speechLike(12, -16), path, delay: steady(900) });
    const { left } = cleaned(sound, false);
    expect(lossDb(sound.heard, left, [4, 6])).toBeGreaterThan(28);
    expect(lossDb(sound.heard, left, [8, 9.5])).toBeGreaterThan(18);
    expect(lossDb(sound.heard, left, [9.5, 11.5])).toBeGreaterThan(25);
  });

  it('neither diverges nor distorts the near end while both talk', () => {
    const both = (n: number) => n >= 6 * 8000 && n < 14 * 8000;
    const near = speechLike(18, -17, 11).map((sample, n) => (both(n) ? sample : 0));
    const sound = echoLine({ played: speechLike(18, -17, 2), path: steady(short), delay: steady(900), near });
    const linear = cleaned(sound, false);
    const residual = linear.left.map((sample, n) => sample - near[n]!);
    const audible = powerOfDbm0(-35);
    const where = { places: places(6, 14), length: 160, audible };
    const distortion = segmentalSnr(near, linear.left, where);
    const suppressed = segmentalSnr(near, cleaned(sound, true).left, where);
    const after = lossDb(sound.heard, linear.left, [14.5, 17.5]);
    console.log(
      `double talk: echo ${lossDb(sound.echo, residual, [6, 14]).toFixed(1)} dB weaker meanwhile, ${after.toFixed(1)} dB after; ` +
        `near end ${distortion.toFixed(1)} dB above what is wrong with it (linear), ${suppressed.toFixed(1)} dB with suppressor`,
    );
    expect(lossDb(sound.echo, residual, [6, 14])).toBeGreaterThan(20);
    expect(distortion).toBeGreaterThan(22);
    expect(suppressed).toBeGreaterThan(14);
    expect(after).toBeGreaterThan(26);
  });

  it('stays stable on tones, and has not forgotten the echo path after them', () => {
    const tone = (n: number) =>
      peakOfDbm0(-13) * (Math.sin(0.3337942 * n) + (n > 11 * 8000 ? Math.sin(0.949561 * n) : 0));
    const speech = speechLike(20, -16);
    const played = speech.map((sample, n) => (n > 6 * 8000 && n < 15 * 8000 ? tone(n) : sample));
    const sound = echoLine({ played, path: steady(dispersive), delay: steady(900) });
    const { left, delays } = cleaned(sound, false);
    expect(lossDb(sound.heard, left, [7, 14.5])).toBeGreaterThan(28);
    expect(lossDb(sound.heard, left, [15.5, 19.5])).toBeGreaterThan(28);
    expect(delays.at(-1)).toBeCloseTo(delays[40]!, -1);
  });

  it('lets the background of the line be heard where it suppresses', () => {
    // An echo path that wavers: the linear part can't follow, and the suppressor has to work.
    const faint = short.map((tap) => 0.6 * tap);
    const path = (n: number) => (Math.floor(n / 1500) % 2 === 0 ? short : faint);
    const sound = echoLine({ played: speechLike(14, -16), path, delay: steady(900), noiseDbm0: -56 });
    const { left } = cleaned(sound, true);
    const levels = Array.from({ length: 45 }, (_, i) => {
      const from = (5 + i / 5) * 8000;
      return 10 * Math.log10(powerOf(left, from, from + 1600) / powerOfDbm0(-56));
    });
    const least = Math.min(...levels);
    const median = levels.toSorted((a, b) => a - b)[22]!;
    console.log(
      `comfort noise: ${median.toFixed(1)} dB beside the background of the line, ${least.toFixed(1)} dB at least`,
    );
    expect(Math.abs(median)).toBeLessThan(3);
    expect(least).toBeGreaterThan(-4.5);
  });

  it('leaves a line alone that has no echo', () => {
    const near = speechLike(8, -20, 5);
    const sound = echoLine({ played: speechLike(8, -16), path: steady(new Float64Array(1)), delay: steady(900), near });
    const { left, delays } = cleaned(sound, true);
    expect(delays.at(-1)).toBeUndefined();
    expect(segmentalSnr(near, left, { places: places(1, 7), length: 160, audible: powerOfDbm0(-40) })).toBeGreaterThan(
      25,
    );
  });
});
