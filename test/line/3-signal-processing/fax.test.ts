import { describe, expect, it } from 'vitest';
import { type FaxTone, FaxToneDetector } from '#media/fax-tones.ts';
import { encodeMulaw } from '#media/g711.ts';
import { connectTone, spandspConnectTone, spandspConnectTonesIn, spandspMissing } from '../../support/spandsp.ts';
import { skipped } from './skipped.ts';
import { linear, mulaw, type Part, pause, render, withNoise } from './sound.ts';

function heard(codes: Uint8Array, piece = 160): FaxTone[] {
  const tones: FaxTone[] = [];
  const detector = new FaxToneDetector((tone) => tones.push(tone));
  for (let at = 0; at < codes.length; at += piece) detector.push(codes.subarray(at, at + piece));
  return tones;
}

const tone = (hz: number, ms: number, level = -15): Part => ({ tones: [[hz, level]], ms });
const hear = (...parts: readonly Part[]) => heard(mulaw(render(parts)));

/** How long after its begin a tone is known, ms. */
function knownAfter(codes: Uint8Array): number {
  let at = 0;
  let known = Number.POSITIVE_INFINITY;
  const detector = new FaxToneDetector(() => {
    known = Math.min(known, at / 8);
  });
  for (; at < codes.length; at += 80) detector.push(codes.subarray(at, at + 80));
  return known;
}

describe('fax tones, ITU-T T.30 §4.1', () => {
  it('hears CNG within its limits of frequency, length and level, in the first burst', () => {
    for (const hz of [1062, 1100, 1138]) {
      for (const ms of [425, 500, 575]) {
        for (const level of [-38, -20, -5]) {
          expect(hear(pause(33), tone(hz, ms, level), pause(400)), `${hz} Hz ${ms} ms ${level} dBm0`).toEqual([
            'calling',
          ]);
        }
      }
    }
    expect(knownAfter(mulaw(render([tone(1100, 500), pause(1000)])))).toBeLessThan(800);
  });

  it('hears CED within its limits, and before half of it is over', () => {
    for (const hz of [2085, 2100, 2115]) {
      for (const level of [-38, -20, -5])
        expect(hear(pause(33), tone(hz, 2600, level)), `${hz} Hz`).toEqual(['answer']);
    }
    expect(knownAfter(mulaw(render([tone(2100, 2600)])))).toBeLessThan(800);
  });

  it('hears both through noise 15 dB below them', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const calling = withNoise(render([pause(100), tone(1100, 500), pause(3000)]), -30, seed);
      expect(heard(mulaw(calling))).toEqual(['calling']);
      expect(heard(mulaw(withNoise(render([tone(2100, 2600)]), -30, seed)))).toEqual(['answer']);
    }
  });

  it('takes tones of other lengths and frequencies for none', () => {
    expect(hear(tone(1100, 300), pause(500))).toEqual([]);
    expect(hear(tone(1100, 3000), pause(500))).toEqual([]);
    expect(hear(tone(2100, 500), pause(500))).toEqual([]);
    for (const hz of [950, 1000, 1020, 1200, 1336, 1400])
      expect(hear(tone(hz, 500), pause(500)), `${hz} Hz`).toEqual([]);
    for (const hz of [2010, 2050, 2065, 2135, 2150, 2225])
      expect(hear(tone(hz, 3000), pause(500)), `${hz} Hz`).toEqual([]);
    expect(
      hear(
        {
          tones: [
            [1100, -15],
            [1700, -15],
          ],
          ms: 500,
        },
        pause(500),
      ),
    ).toEqual([]);
  });
});

describe.skipIf(skipped('fax tones and libspandsp', spandspMissing))('fax tones and libspandsp', () => {
  it('hears what its generator makes: CNG, and CED with and without turns of the phase and modulation', () => {
    // Where the turns of the phase lie within the detector's windows must not matter.
    const made = (which: number, shift = 0) => heard(encodeMulaw(spandspConnectTone(which, 8000 * 5)).subarray(shift));
    expect(made(connectTone.cng)).toEqual(['calling']);
    for (const which of [
      connectTone.ans,
      connectTone.ansPhaseReversals,
      connectTone.ansam,
      connectTone.ansamPhaseReversals,
    ]) {
      for (const shift of [0, 40, 80]) expect(made(which, shift), `tone ${which}`).toEqual(['answer']);
    }
    for (const which of [connectTone.bellAns, connectTone.callingTone])
      expect(made(which), `tone ${which}`).toEqual([]);
  });

  it('agrees with its receiver about where the limits are', () => {
    for (const hz of [1020, 1050, 1070, 1100, 1130, 1150, 1180]) {
      const sound = render([pause(100), tone(hz, 500), pause(3000), tone(hz, 500), pause(1000)]);
      const theirs = spandspConnectTonesIn(connectTone.cng, linear(sound)).includes(connectTone.cng);
      const ours = heard(mulaw(sound)).includes('calling');
      // Wherever it hears one within the standard's limits, so must this; far outside neither may.
      if (Math.abs(hz - 1100) <= 38) expect([theirs, ours], `${hz} Hz`).toEqual([true, true]);
      if (Math.abs(hz - 1100) > 60) expect(ours, `${hz} Hz`).toBe(false);
    }
  });
});
