import { describe, expect, it } from 'vitest';
import { DtmfDetector, dtmfSound, isDigits } from '#media/dtmf.ts';
import { decodeMulaw, encodeMulaw, silence } from '#media/g711.ts';
import { ToneGenerator } from '#media/tones.ts';
import { concat } from '#platform/bytes.ts';

const ALL = '0123456789*#ABCD';

function detect(sound: Uint8Array, piece = 160): string {
  let digits = '';
  const detector = new DtmfDetector((digit) => {
    digits += digit;
  });
  for (let i = 0; i < sound.length; i += piece) detector.push(sound.subarray(i, i + piece));
  return digits;
}

function mix(sound: Uint8Array, other: (i: number) => number, gain = 1): Uint8Array {
  return encodeMulaw(
    decodeMulaw(sound).map((sample, i) => Math.max(-32_000, Math.min(32_000, sample * gain + other(i)))),
  );
}

function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

describe('DTMF', () => {
  it('hears all sixteen keys, at any piece size and offset', () => {
    for (const piece of [1, 37, 80, 160, 400, 4001]) {
      expect(detect(concat(silence(piece), dtmfSound(ALL)), piece)).toBe(ALL);
    }
  });

  it('hears keys of 50 ms with pauses of 50 ms, and the same key pressed again', () => {
    expect(detect(dtmfSound('1122#0', 50, 50))).toBe('1122#0');
  });

  it('counts a key held for two seconds once', () => {
    expect(detect(dtmfSound('5', 2000))).toBe('5');
  });

  it('hears quiet keys, keys in noise and keys through twist', () => {
    const random = seeded(3);
    expect(detect(mix(dtmfSound(ALL), () => 0, 0.1))).toBe(ALL);
    expect(detect(mix(dtmfSound(ALL), () => random() * 1200))).toBe(ALL);
    const row = new ToneGenerator([770], 4000).nextLinear(800);
    const column = new ToneGenerator([1336], 8000).nextLinear(800);
    expect(detect(encodeMulaw(row.map((s, i) => s + (column[i] ?? 0))))).toBe('5');
  });

  it('ignores keys shorter than 23 ms', () => {
    expect(detect(concat(silence(800), dtmfSound('5', 22, 200), silence(800)))).toBe('');
  });

  it('reports no digit on single tones, on the tones of exchanges, and on sweeps', () => {
    for (let f = 300; f < 3400; f += 31) expect(detect(new ToneGenerator([f], 14_000).next(3200)), `${f} Hz`).toBe('');
    for (const pair of [[350, 440], [440, 480], [480, 620], [425], [400, 450], [697, 770], [1209, 1336], [941, 1400]]) {
      expect(detect(new ToneGenerator(pair).next(16_000)), pair.join('+')).toBe('');
    }
    const sweep = Int16Array.from(
      { length: 80_000 },
      (_, i) => 12_000 * Math.sin(2 * Math.PI * (300 + (i / 80_000) * 1550) * (i / 8000)),
    );
    expect(detect(encodeMulaw(sweep))).toBe('');
  });

  it('reports no digit in a minute of noise and of voice-like sound', () => {
    const random = seeded(11);
    expect(detect(encodeMulaw(Int16Array.from({ length: 480_000 }, () => random() * 12_000)))).toBe('');
    // Glottal pulses of a wandering pitch through three wandering formants.
    const voice = Int16Array.from({ length: 480_000 }, (_, i) => {
      const t = i / 8000;
      const pitch = 120 + 40 * Math.sin(2.1 * t) + 15 * Math.sin(7.7 * t);
      const beat = (t * pitch) % 1;
      const formants = [500 + 250 * Math.sin(3 * t), 1400 + 500 * Math.sin(4.3 * t), 2500 + 200 * Math.sin(1.7 * t)];
      const ring = formants.reduce((sum, f, k) => sum + Math.sin((2 * Math.PI * f * beat) / pitch) / (k + 1), 0);
      return 9000 * ring * Math.exp(-6 * beat) + 300 * random();
    });
    expect(detect(encodeMulaw(voice))).toBe('');
  });

  it('accepts only real keys as digits to send', () => {
    expect([isDigits('12*#AD'), isDigits(''), isDigits('12p'), isDigits('1'.repeat(65))]).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});
