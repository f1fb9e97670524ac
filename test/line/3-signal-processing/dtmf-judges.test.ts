import { describe, expect, it } from 'vitest';
import { DtmfDetector, dtmfSound } from '#media/dtmf.ts';
import { decodeMulaw, encodeMulaw } from '#media/g711.ts';
import { multimonDigitsIn, multimonMissing } from '../../support/multimon.ts';
import { spandspDigitsIn, spandspDtmf, spandspMissing } from '../../support/spandsp.ts';
import { skipped } from './skipped.ts';
import { seeded } from './sound.ts';

const KEYS = '123A456B789C*0#D';

function heard(codes: Uint8Array): string {
  let digits = '';
  new DtmfDetector((digit) => {
    digits += digit;
  }).push(codes);
  return digits;
}

function draw(count: number, seed: number): string {
  const random = seeded(seed);
  return Array.from({ length: count }, () => KEYS[Math.floor(random() * 16)]).join('');
}

describe.skipIf(skipped('DTMF and libspandsp', spandspMissing))('DTMF and libspandsp', () => {
  it('hears what its generator makes, at its levels, twists and timings', () => {
    for (const level of [-30, -20, -10, -3]) {
      for (const twist of [-4, 0, 4, 8]) {
        for (const [onMs, offMs] of [
          [40, 40],
          [50, 55],
          [120, 60],
        ]) {
          const digits = draw(40, level * 100 + twist * 10 + (onMs ?? 0));
          const sound = spandspDtmf(digits, {
            level: Math.min(level, -3 - twist),
            twist,
            onMs: onMs ?? 0,
            offMs: offMs ?? 0,
          });
          expect(heard(encodeMulaw(sound)), `${level} dBm0, ${twist} dB, ${onMs}/${offMs} ms`).toBe(digits);
        }
      }
    }
  });

  it('makes what its receiver hears, down to 40 ms', () => {
    for (const [onMs, offMs] of [
      [40, 40],
      [50, 50],
      [100, 80],
      [250, 100],
    ]) {
      const digits = draw(60, onMs ?? 0);
      expect(spandspDigitsIn(decodeMulaw(dtmfSound(digits, onMs, offMs))), `${onMs}/${offMs} ms`).toBe(digits);
    }
  });
});

describe.skipIf(skipped('DTMF and multimon-ng', multimonMissing))('DTMF and multimon-ng', () => {
  it('makes what multimon-ng hears', () => {
    // Its windows are 50 ms long, so shorter keys are not its affair.
    const digits = draw(40, 4);
    expect(multimonDigitsIn(dtmfSound(digits, 120, 120))).toBe(digits);
  });
});
