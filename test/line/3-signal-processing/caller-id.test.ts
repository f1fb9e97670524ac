import { describe, expect, it } from 'vitest';
import { dtmfSound } from '#media/dtmf.ts';
import { type FskStandard, fskSound } from '#media/fsk.ts';
import { decodeMulaw, encodeMulaw, silence } from '#media/g711.ts';
import { concat } from '#platform/bytes.ts';
import { type CallerIdReport, withChecksum } from '#pstn/caller-id/message.ts';
import { CallerIdReceiver } from '#pstn/caller-id/receiver.ts';
import { callerIdOf } from '#pstn/caller-id.ts';
import { mulaw, render, seeded, sum, withNoise } from './sound.ts';

const STANDARDS: readonly FskStandard[] = ['bell-202', 'v23'];
const field = (type: number, body: string) => [type, body.length, ...Buffer.from(body, 'latin1')];
const message = (type: number, ...fields: readonly number[][]) => {
  const data = fields.flat();
  return withChecksum(Uint8Array.from([type, data.length, ...data]));
};
const BYTES = message(0x80, field(1, '11230259'), field(2, '01632960123'), field(7, 'ALICE WONDER'));
const REPORT = {
  type: 'call',
  kind: 'voice',
  block: { date: '1123', time: '0259', number: '01632960123', name: 'ALICE WONDER' },
};

function heard(codes: Uint8Array, piece = 160): CallerIdReport[] {
  const reports: CallerIdReport[] = [];
  const receiver = new CallerIdReceiver((report) => reports.push(report));
  const all = concat(silence(400), codes, silence(1600));
  for (let at = 0; at < all.length; at += piece) receiver.push(all.subarray(at, at + piece));
  return reports;
}

interface Sent {
  readonly standard?: FskStandard;
  readonly bytes?: Uint8Array;
  readonly seizureBits?: number;
  readonly markBits?: number;
  readonly levelDbm0?: number;
}

function sent({
  standard = 'v23',
  bytes = BYTES,
  seizureBits = 300,
  markBits = 180,
  levelDbm0 = -13,
}: Sent): Uint8Array {
  return fskSound({ standard, bytes, seizureBits, markBits, levelDbm0 });
}

/** As from a clock that is faster by `share`: each new sample from 33 old ones, by a windowed sinc. */
function faster(codes: Uint8Array, share: number): Uint8Array {
  const samples = decodeMulaw(codes);
  return mulaw(
    Float64Array.from({ length: Math.floor(samples.length / (1 + share)) - 1 }, (_, i) => {
      const middle = Math.floor(i * (1 + share));
      let out = 0;
      for (let k = middle - 16; k <= middle + 16; k++) {
        const x = i * (1 + share) - k;
        const sinc = Math.abs(x) < 1e-9 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
        out += (samples[k] ?? 0) * sinc * (0.5 + 0.5 * Math.cos((Math.PI * x) / 17.5));
      }
      return out;
    }),
  );
}

const asFloat = (codes: Uint8Array) => Float64Array.from(decodeMulaw(codes));

describe('caller ID in sound: the line', () => {
  it('is heard from -36 to -4 dBm0, at any piece size', () => {
    for (const standard of STANDARDS) {
      for (const levelDbm0 of [-36, -25, -13, -4])
        expect(heard(sent({ standard, levelDbm0 })), `${levelDbm0} dBm0`).toEqual([REPORT]);
      for (const piece of [1, 13, 4096]) expect(heard(sent({ standard }), piece)).toEqual([REPORT]);
    }
  });

  it('is heard from clocks that differ by 1 %, and by 3 % where there is no noise', () => {
    for (const standard of STANDARDS) {
      for (const share of [-0.03, -0.01, -0.005, 0.005, 0.01, 0.03]) {
        expect(heard(faster(sent({ standard }), share)), `${standard} ${share}`).toEqual([REPORT]);
      }
    }
  });

  it('is heard through noise 20 dB below it', () => {
    for (const standard of STANDARDS) {
      let lost = 0;
      for (let seed = 1; seed <= 40; seed++) {
        const noisy = mulaw(withNoise(asFloat(sent({ standard, levelDbm0: -20 })), -40, seed));
        const reports = heard(noisy);
        if (reports.length === 0) lost++;
        else expect(reports).toEqual([REPORT]);
      }
      expect(lost, `${standard}: lost of 40`).toBe(0);
    }
  });

  it('is heard above mains hum and through the slope of a long line', () => {
    for (const standard of STANDARDS) {
      const sound = asFloat(sent({ standard, levelDbm0: -25 }));
      const tones = [
        [50, -8],
        [150, -20],
      ] as const;
      const hum = render([{ tones, ms: sound.length / 8 }]);
      expect(heard(mulaw(sum(sound, hum)))).toEqual([REPORT]);
      // A long pair weakens 2200 Hz some 6 dB more than 1200 Hz.
      const sloped = sound.map((sample, i) => 0.5 * (sample + (sound[i - 1] ?? 0)));
      expect(heard(mulaw(sloped.map((sample, i) => 0.5 * (sample + (sloped[i - 1] ?? 0)))))).toEqual([REPORT]);
    }
  });

  it('needs no channel seizure, as in a call, and few marks', () => {
    expect(heard(sent({ seizureBits: 0, markBits: 80 }))).toEqual([REPORT]);
    expect(heard(sent({ seizureBits: 300, markBits: 45 }))).toEqual([REPORT]);
    // So few as lie within a message are not the begin of one.
    expect(heard(sent({ seizureBits: 300, markBits: 15 }))).toEqual([]);
  });

  it('is heard once for each message', () => {
    expect(heard(concat(sent({}), silence(2400), sent({ standard: 'bell-202' })))).toEqual([REPORT, REPORT]);
    expect(heard(concat(sent({}), sent({})))).toEqual([REPORT, REPORT]);
  });
});

describe('caller ID in sound: messages', () => {
  const read = (bytes: Uint8Array) => heard(sent({ bytes }));

  it('drops what does not fit its checksum', () => {
    const random = seeded(2);
    for (let i = 0; i < 200; i++) {
      const broken = BYTES.slice();
      const at = Math.floor(random() * broken.length);
      broken[at] = (broken[at] ?? 0) ^ (1 << Math.floor(random() * 8));
      for (const report of read(broken)) expect(report).toEqual(undefined);
    }
  });

  it('keeps withheld what is withheld, even where a number comes along', () => {
    const [report] = read(message(0x80, field(2, '5551234'), field(4, 'P'), field(7, 'ALICE'), field(8, 'P')));
    expect(report?.type === 'call' && callerIdOf(report.block)).toEqual({
      number: undefined,
      name: undefined,
      presentation: 'withheld',
    });
  });

  it('reads a message of 255 bytes, one cut off within a parameter, and one of unknown parameters', () => {
    const long = message(0x80, field(0x50, 'x'.repeat(240)), field(2, '55512345678'));
    expect(long.length).toBe(258);
    expect(read(long)).toEqual([{ type: 'call', kind: 'voice', block: { number: '55512345678' } }]);
    expect(read(withChecksum(Uint8Array.from([0x80, 9, 2, 3, 0x35, 0x35, 0x35, 7, 99, 0x41, 0x42])))).toEqual([
      { type: 'call', kind: 'voice', block: { number: '555' } },
    ]);
    expect(read(message(0x80))).toEqual([{ type: 'call', kind: 'voice', block: {} }]);
  });

  it('begins anew after a message that was cut off', () => {
    const cut = sent({}).subarray(0, 4800);
    expect(heard(concat(cut, silence(800), sent({})))).toEqual([REPORT]);
    // The rest of one message is no part of the next.
    expect(heard(concat(cut, sent({})))).toEqual([REPORT]);
    const long = sent({ bytes: message(0x80, field(0x50, 'x'.repeat(250))) });
    expect(heard(concat(long.subarray(0, 6000), sent({})))).toEqual([REPORT]);
  });
});

describe('caller ID in DTMF', () => {
  const keyed = (keys: string) =>
    heard(dtmfSound(keys, 70, 70)).map((report) => report.type === 'call' && report.block.number);

  it('reads the forms in use', () => {
    expect(keyed('A0123456789C')).toEqual(['0123456789']);
    expect(keyed('A0123456789D0987654321C')).toEqual(['0123456789']);
    expect(keyed('D0123456789C')).toEqual(['0123456789']);
    expect(keyed('A0123456789#')).toEqual(['0123456789']);
    expect(keyed('0123456789#')).toEqual(['0123456789']);
    expect([keyed('D1#'), keyed('D2#'), keyed('D3#'), keyed('B10C'), keyed('B00C')]).toEqual([
      ['P'],
      ['O'],
      ['O'],
      ['P'],
      ['O'],
    ]);
  });

  it('takes keys without sense, and keys far apart, for none', () => {
    expect([keyed('#'), keyed('C'), keyed('12#'), keyed('***#'), keyed('DDDC')]).toEqual([[], [], [], [], []]);
    const apart = concat(dtmfSound('A5551', 70, 70), silence(8000 * 2), dtmfSound('234C', 70, 70));
    expect(heard(apart)).toEqual([]);
    expect(keyed(`${'7'.repeat(500)}C`)).toEqual([]);
  });
});

describe('caller ID in noise', () => {
  it('is not heard', () => {
    expect(heard(encodeMulaw(new Int16Array(480_000).map(seededNoise(6))))).toEqual([]);
  });
});

function seededNoise(seed: number): () => number {
  const random = seeded(seed);
  return () => 16_000 * (random() - 0.5);
}
