import { describe, expect, it } from 'vitest';
import { DtmfDetector, dtmfSound } from '#media/dtmf.ts';
import { encodeMulaw, silence } from '#media/g711.ts';
import { concat } from '#platform/bytes.ts';
import { mulaw, type Part, pause, render, seeded, sum, withNoise } from './sound.ts';

const KEYS = '123A456B789C*0#D';
const ROWS = [697, 770, 852, 941];
const COLUMNS = [1209, 1336, 1477, 1633];

interface Press {
  readonly ms?: number;
  /** Level of the low tone, dBm0, and how much stronger the high one is, dB. */
  readonly level?: number;
  readonly twist?: number;
  /** Relative deviation of the frequencies, and deviation in Hz. */
  readonly low?: number;
  readonly high?: number;
  readonly hz?: number;
}

function press(key: string, { ms = 50, level = -10, twist = 0, low = 0, high = 0, hz = 0 }: Press = {}): Part {
  const index = KEYS.indexOf(key);
  const row = (ROWS[index >> 2] ?? 0) * (1 + low) + Math.sign(low) * hz;
  const column = (COLUMNS[index & 3] ?? 0) * (1 + high) + Math.sign(high) * hz;
  return {
    tones: [
      [row, level],
      [column, level + twist],
    ],
    ms,
  };
}

/** All keys, each shifted against the detector's steps by another fraction, with pauses in between. */
function all(options: Press, gap = 60): Part[] {
  return [pause(50), ...[...KEYS].flatMap((key, i) => [press(key, options), pause(gap + 0.625 * i)]), pause(50)];
}

function heard(codes: Uint8Array, piece = 160): string {
  let digits = '';
  const detector = new DtmfDetector((digit) => {
    digits += digit;
  });
  for (let at = 0; at < codes.length; at += piece) detector.push(codes.subarray(at, at + piece));
  return digits;
}

const hear = (parts: readonly Part[]) => heard(mulaw(render(parts)));

describe('DTMF receiver, ITU-T Q.24 table A-1', () => {
  it('accepts frequencies off by 1.5 % and 2 Hz, either tone, both ways, even in keys of 40 ms', () => {
    for (const ms of [40, 70]) {
      for (const low of [-0.015, 0, 0.015]) {
        for (const high of [-0.015, 0, 0.015])
          expect(hear(all({ ms, low, high, hz: 2 })), `${ms} ms ${low} ${high}`).toBe(KEYS);
      }
    }
  });

  it('refuses frequencies off by 3.5 % or more, either tone, both ways', () => {
    for (const off of [0.035, 0.045, 0.06]) {
      for (const [low, high] of [
        [off, 0],
        [-off, 0],
        [0, off],
        [0, -off],
        [off, off],
        [-off, -off],
        [off, -off],
      ]) {
        expect(hear(all({ ms: 100, low: low ?? 0, high: high ?? 0 })), `${low} ${high}`).toBe('');
      }
    }
  });

  it('accepts the high tone 8 dB stronger and 4 dB weaker, and refuses what is far beyond', () => {
    for (const twist of [-4, -2, 3, 6, 8]) expect(hear(all({ twist, ms: 40, level: -15 })), `${twist} dB`).toBe(KEYS);
    for (const twist of [-9, 13]) expect(hear(all({ twist, level: -15, ms: 80 })), `${twist} dB`).toBe('');
  });

  it('accepts 40 ms and refuses 23 ms, wherever they begin', () => {
    for (let shift = 0; shift < 5; shift += 0.375) {
      expect(hear([pause(30 + shift), ...all({ ms: 40 })]), `40 ms at ${shift}`).toBe(KEYS);
      expect(hear([pause(30 + shift), ...all({ ms: 23 })]), `23 ms at ${shift}`).toBe('');
    }
  });

  it('takes an interruption of 10 ms as none, and a pause of 40 ms as the end of a key', () => {
    for (const gap of [2, 5, 8, 10]) {
      for (let shift = 0; shift < 5; shift += 0.625) {
        const parts = [...KEYS].flatMap((key) => [
          press(key, { ms: 60 }),
          pause(gap),
          press(key, { ms: 60 }),
          pause(60),
        ]);
        expect(hear([pause(30 + shift), ...parts]), `${gap} ms at ${shift}`).toBe(KEYS);
      }
    }
    for (let shift = 0; shift < 5; shift += 0.625) {
      const parts = [...KEYS].flatMap((key) => [press(key, { ms: 40 }), pause(40), press(key, { ms: 40 }), pause(40)]);
      expect(hear([pause(30 + shift), ...parts]), `40 ms at ${shift}`).toBe([...KEYS].map((key) => key + key).join(''));
    }
  });

  it('accepts -36 to 0 dBm0 a tone and refuses -45 dBm0', () => {
    for (const level of [-36, -30, -20, -10, -5, -3, 0])
      expect(hear(all({ level, ms: 40 })), `${level} dBm0`).toBe(KEYS);
    for (const level of [-45, -50]) expect(hear(all({ level, ms: 80 })), `${level} dBm0`).toBe('');
  });

  it('hears keys through noise 15 dB below them, and no key in noise alone', () => {
    let missed = 0;
    for (let seed = 1; seed <= 20; seed++) {
      // Both tones together are 3 dB stronger than each.
      const found = heard(mulaw(withNoise(render(all({ level: -15, ms: 50 })), -15 + 3 - 15, seed)));
      for (const key of KEYS) if (!found.includes(key)) missed++;
      expect(found.length).toBeLessThanOrEqual(KEYS.length);
      expect(heard(mulaw(withNoise(new Float64Array(160_000), -20, seed)))).toBe('');
    }
    expect(missed).toBeLessThanOrEqual(1);
  });

  it('hears keys above dial tones, and none in dial tones', () => {
    for (const dial of [[350, 440], [425], [400], [440], [450], [420], [330, 440]]) {
      const keys = all({ level: -12, ms: 50 });
      const ms = keys.reduce((total, part) => total + part.ms, 0);
      const tone = render([{ tones: dial.map((hz) => [hz, -16] as const), ms }]);
      expect(heard(mulaw(sum(tone, render(keys)))), `${dial} Hz`).toBe(KEYS);
      expect(heard(mulaw(tone)), `${dial} Hz`).toBe('');
    }
  });

  it('hears keys above mains hum and DC', () => {
    const keys = render(all({ level: -15, ms: 45 }));
    const hum = render([{ tones: [[50, -15]], ms: keys.length / 8 }]);
    expect(heard(mulaw(sum(keys, hum)))).toBe(KEYS);
    expect(heard(mulaw(keys.map((sample) => sample + 1500)))).toBe(KEYS);
  });

  it('takes two tones that glide through the right frequencies, as pitches do, for a voice', () => {
    for (const [index, key] of [...KEYS].entries()) {
      for (const from of [-0.04, 0.04]) {
        const phases = [0, 0];
        const frequencies = [ROWS[index >> 2] ?? 0, COLUMNS[index & 3] ?? 0];
        // From 4 % off on one side to 4 % on the other in 100 ms.
        const sound = Float64Array.from({ length: 800 }, (_, i) =>
          frequencies.reduce((sample, hz, tone) => {
            phases[tone] = (phases[tone] ?? 0) + (2 * Math.PI * hz * (1 + from * (1 - i / 400))) / 8000;
            return sample + 5000 * Math.sin(phases[tone] ?? 0);
          }, 0),
        );
        expect(heard(concat(silence(400), mulaw(sound), silence(400))), `${key} from ${from}`).toBe('');
      }
    }
  });

  it('takes two tones that swell or fade, as voices do, for a voice', () => {
    for (const key of KEYS) {
      for (const dbPerMs of [-0.25, 0.25]) {
        const sound = render([press(key, { ms: 80, level: -15 })]).map(
          (sample, i) => sample * 10 ** ((dbPerMs * (i / 8 - 40)) / 20),
        );
        expect(heard(concat(silence(400), mulaw(sound), silence(400))), `${key} ${dbPerMs} dB/ms`).toBe('');
      }
    }
  });

  it('hears what its own generator makes at every piece size, as 40 ms keys 40 ms apart too', () => {
    for (const piece of [1, 7, 80, 160, 333, 4000]) expect(heard(dtmfSound(KEYS, 40, 40), piece)).toBe(KEYS);
    const random = seeded(9);
    const digits = Array.from({ length: 400 }, () => KEYS[Math.floor(random() * 16)]).join('');
    expect(heard(dtmfSound(digits, 45, 45))).toBe(digits);
  });

  it('costs next to nothing', () => {
    const sound = encodeMulaw(
      Int16Array.from({ length: 8000 * 60 }, (_, i) => 9000 * Math.sin(i * 0.7) * Math.sin(i * 0.011)),
    );
    const detector = new DtmfDetector(() => {});
    detector.push(sound);
    const before = process.cpuUsage();
    detector.push(sound);
    const { user } = process.cpuUsage(before);
    // A minute of sound in 0.5 % of it.
    expect(user / 1000).toBeLessThan(300);
  });
});
