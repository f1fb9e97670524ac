import { describe, expect, it } from 'vitest';
import { decodeMulaw, MULAW_SILENCE, silence } from '#media/g711.ts';
import { JitterBuffer } from '#media/jitter-buffer.ts';
import { dominantFrequencyOfMulaw } from '#media/spectrum.ts';
import { ToneGenerator } from '#media/tones.ts';

interface Arrival {
  readonly at: number;
  readonly timestamp: number;
  readonly sound: Uint8Array;
}

/** Packets of 20 ms as a sender with a clock `ppm` faster than the reader's makes them; `arrival` says when (ms) each comes. */
function packets(
  seconds: number,
  arrival: (n: number) => number | undefined,
  options: { ppm?: number; source?: { next(n: number): Uint8Array }; first?: number } = {},
): Arrival[] {
  const { ppm = 0, source = new ToneGenerator([500]), first = 0 } = options;
  const made: Arrival[] = [];
  const period = 20 / (1 + ppm / 1e6);
  for (let n = 0; n * period < seconds * 1000; n++) {
    const sound = source.next(160);
    const late = arrival(n);
    if (late !== undefined) made.push({ at: n * period + late, timestamp: (first + 160 * n) >>> 0, sound });
  }
  return made.sort((a, b) => a.at - b.at);
}

/** Feeds the packets at their times and reads 10 ms every 10 ms. */
function run(buffer: JitterBuffer, arrivals: readonly Arrival[], seconds: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let next = 0;
  for (let ms = 0; ms < seconds * 1000; ms += 10) {
    for (; next < arrivals.length && arrivals[next]!.at <= ms; next++)
      buffer.put(arrivals[next]!.timestamp, arrivals[next]!.sound);
    parts.push(buffer.take(80));
  }
  return Buffer.concat(parts);
}

/** Longest run of silence, in samples. */
function longestSilence(sound: Uint8Array): number {
  let longest = 0;
  let current = 0;
  for (const code of sound) {
    current = code === MULAW_SILENCE ? current + 1 : 0;
    longest = Math.max(longest, current);
  }
  return longest;
}

const clean = { next: (count: number) => silence(count).fill(0x90) };

describe('the jitter buffer', () => {
  it('hands a steady stream out unchanged after 40 ms at most', () => {
    const buffer = new JitterBuffer();
    const out = run(
      buffer,
      packets(5, () => 0),
      5,
    );
    const tone = new ToneGenerator([500]).next(30_000);
    const start = Buffer.from(out).indexOf(tone.subarray(0, 400));
    expect(start).toBeLessThanOrEqual(400);
    expect(out.slice(start, start + 30_000)).toEqual(Buffer.from(tone));
    expect(buffer.statistics).toEqual({ late: 0, skewCorrections: 0, underruns: 0, overruns: 0 });
  });

  it('puts packets back into order and plays duplicates once', () => {
    const buffer = new JitterBuffer();
    const arrivals = packets(5, (n) => (n % 5 === 0 ? 25 : 0), { source: clean });
    const doubled = arrivals.flatMap((arrival) => [arrival, arrival]);
    const out = run(buffer, doubled, 5);
    expect(Array.from(new Set(out.subarray(8000, 39_000)))).toEqual([0x90]);
  });

  it('plays everything after gaps of 200 ms in which packets were held back', () => {
    const buffer = new JitterBuffer();
    // Every four seconds the network holds back all packets for 200 ms, then delivers them at once.
    const held = (n: number) => Math.max(0, 200 - ((n * 20) % 4000));
    const out = run(buffer, packets(60, held, { source: clean, first: 0xffff_f000 }), 60);
    expect(buffer.statistics.late).toBe(0);
    // Only the first gap is heard: then the delay has grown to cover the next.
    expect(buffer.statistics.underruns).toBeLessThanOrEqual(2);
    expect(longestSilence(out.subarray(8 * 8000, 59 * 8000))).toBe(0);
    expect(buffer.level).toBeGreaterThan(1200);
  });

  it('gives the delay back once the gaps are over', () => {
    const buffer = new JitterBuffer();
    run(
      buffer,
      packets(60, (n) => (n * 20 < 5000 ? Math.max(0, 200 - ((n * 20) % 2000)) : 0)),
      60,
    );
    expect(buffer.level).toBeLessThan(700);
  });

  it.each([200, -200])(
    'absorbs a clock that differs by %i ppm for half an hour without an under- or overrun',
    (ppm) => {
      const buffer = new JitterBuffer();
      const out = run(
        buffer,
        packets(1800, (n) => (n * 7) % 11, { ppm }),
        1799,
      );
      const { underruns, overruns, late, skewCorrections } = buffer.statistics;
      expect({ underruns, overruns, late }).toEqual({ underruns: 0, overruns: 0, late: 0 });
      // 200 ppm of 1800 s are 360 ms: 36 pieces of 10 ms, and some for the jitter.
      expect(skewCorrections).toBeGreaterThan(25);
      expect(skewCorrections).toBeLessThan(50);
      expect(buffer.level).toBeLessThan(900);
      expect(dominantFrequencyOfMulaw(out.subarray(800_000, 808_000))?.frequency).toBeCloseTo(500, -1);
    },
  );

  it('corrects in silence when the sound has any', () => {
    const buffer = new JitterBuffer();
    let count = 0;
    // Speech-like: 600 ms of tone, 400 ms of silence.
    const source = { next: (n: number) => (count++ % 50 < 30 ? silence(n).fill(0x90) : silence(n)) };
    const out = run(
      buffer,
      packets(600, () => 0, { ppm: 200, source }),
      599,
    );
    expect(buffer.statistics.skewCorrections).toBeGreaterThan(5);
    let run_ = 0;
    const talks = new Set<number>();
    for (const code of out.subarray(8000)) {
      if (code === 0x90) run_++;
      else if (run_ > 0) {
        talks.add(run_);
        run_ = 0;
      }
    }
    expect(Array.from(talks)).toEqual([4800]);
  });

  it('hides lost packets and fades out when they stay away', () => {
    const buffer = new JitterBuffer();
    const out = run(
      buffer,
      packets(6, (n) => (n === 100 ? undefined : n > 200 ? undefined : 0)),
      6,
    );
    expect(longestSilence(out.subarray(800, 3.9 * 8000))).toBeLessThan(4);
    expect(longestSilence(out.subarray(4.2 * 8000))).toBeGreaterThan(8000);
    expect(buffer.statistics.underruns).toBe(1);
  });

  it('goes on after a pause of the sender, whether its time stamps ran on or not', () => {
    for (const jump of [0, 3 * 8000, 100 * 8000, -50_000]) {
      const buffer = new JitterBuffer();
      run(
        buffer,
        packets(2, () => 0, { source: clean }),
        5,
      );
      const out = run(
        buffer,
        packets(2, () => 0, { source: clean, first: (16_000 + jump) >>> 0 }),
        2,
      );
      expect(Array.from(new Set(out.subarray(4000, 15_000))), `jump of ${jump}`).toEqual([0x90]);
      expect(buffer.level).toBeLessThan(2000);
    }
  });

  it('stays bounded when a sender floods it or sends wild time stamps', () => {
    const buffer = new JitterBuffer();
    for (let i = 0; i < 5000; i++) buffer.put((i * 160) >>> 0, silence(160));
    expect(buffer.level).toBeLessThanOrEqual(4800);
    for (let i = 0; i < 5000; i++) {
      buffer.put(Math.imul(i, 2_654_435_761) >>> 0, new ToneGenerator([700]).next(160));
      expect(buffer.take(160).length).toBe(160);
    }
    expect(buffer.level).toBeLessThanOrEqual(1 << 14);
    expect(Math.max(...decodeMulaw(buffer.take(80)))).toBeLessThan(32_767);
  });

  describe('of which something may be left out', () => {
    /** Reads `piece` samples at a time while `spare` lasts; gives the sound and what was left out. */
    function taken(source: { next(n: number): Uint8Array }, piece: number, spare: number, seconds: number) {
      const buffer = new JitterBuffer();
      const arrivals = packets(seconds, () => 0, { source });
      const parts: Uint8Array[] = [];
      let left = spare;
      let next = 0;
      for (let samples = 0; samples < seconds * 8000; samples += piece) {
        for (; next < arrivals.length && arrivals[next]!.at <= samples / 8; next++)
          buffer.put(arrivals[next]!.timestamp, arrivals[next]!.sound);
        const part = buffer.take(piece, left);
        left -= piece - part.length;
        parts.push(part);
      }
      return { buffer, sound: Buffer.concat(parts), leftOut: spare - left };
    }

    it.each([160, 80, 24])('leaves silence out at once, and no more than it may, read by %i', (piece) => {
      const { leftOut, buffer } = taken({ next: silence }, piece, 750, 2);
      expect(leftOut).toBe(720);
      expect(buffer.statistics).toEqual({ late: 0, skewCorrections: 0, underruns: 0, overruns: 0 });
    });

    it.each([160, 24])('leaves whole periods of a tone out when there is no silence, read by %i', (piece) => {
      const { leftOut, sound, buffer } = taken(new ToneGenerator([500]), piece, 750, 10);
      expect(leftOut).toBeGreaterThan(750 - 120);
      expect(leftOut).toBeLessThanOrEqual(750);
      const measured = dominantFrequencyOfMulaw(sound.subarray(8000, 70_000));
      expect(measured?.frequency).toBeCloseTo(500, 0);
      expect(measured?.purity).toBeGreaterThan(0.99);
      expect(buffer.statistics).toEqual({ late: 0, skewCorrections: 0, underruns: 0, overruns: 0 });
    });

    it('leaves the silence out that it makes up while nothing comes', () => {
      const buffer = new JitterBuffer();
      let left = 400;
      for (let n = 0; n < 100; n++) left -= 160 - buffer.take(160, left).length;
      expect(left).toBe(0);
    });
  });
});
