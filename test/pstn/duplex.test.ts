import { describe, expect, it } from 'vitest';
import { MULAW_SILENCE } from '#media/g711.ts';
import type { EmulatedLineOptions } from '#pstn/emulator/emulated-line.ts';
import { CUSHION } from '#pstn/modem/cushion.ts';
import { SeededRandom } from '../simulation/seeded-random.ts';
import { simulatedLine } from './simulated-line.ts';

/** Noise with every byte value, 0x10 more often than others; it repeats only after 2 minutes. */
function noise(seed: number, length: number): Uint8Array {
  const stretch = new SeededRandom(seed).bytes(1_000_003);
  for (let i = 0; i < stretch.length; i += 7) stretch[i] = 0x10;
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += stretch.length) bytes.set(stretch.subarray(0, length - at), at);
  return bytes;
}

/** A call of so many minutes with noise both ways; gives what either side sent and heard. */
async function longCall(minutes: number, emulator: Partial<EmulatedLineOptions>) {
  const { clock, line, emulated } = simulatedLine(emulator);
  const fromExchange = noise(1, minutes * 480_000 + 80_000);
  const fromDriver = noise(2, minutes * 480_000 + 80_000);
  await clock.run(line.start());
  emulated.exchange.plan('100', { behaviour: 'answers', answerAfterMs: 100, sendSound: fromExchange, reversal: true });
  emulated.exchange.record();
  const call = await clock.run(line.dial('100', new AbortController().signal));
  const heard: Uint8Array[] = [];
  let sent = 0;
  call.connect((samples) => {
    heard.push(samples);
    const piece = fromDriver.subarray(sent, sent + samples.length);
    sent += samples.length;
    return piece;
  });
  await clock.advance(minutes * 60_000);
  const { statistics } = call;
  await clock.run(call.hangUp());
  return {
    statistics,
    fromExchange,
    fromDriver: fromDriver.subarray(0, sent),
    heardByDriver: new Uint8Array(Buffer.concat(heard)),
    heardByExchange: emulated.exchange.recorded,
    counters: emulated.counters,
  };
}

/** Whether `whole` holds `piece` from its own first 64 bytes on, byte for byte. */
function holds(whole: Uint8Array, piece: Uint8Array): boolean {
  const offset = Buffer.from(whole).indexOf(piece.subarray(0, 64));
  return offset >= 0 && Buffer.compare(whole.subarray(offset, offset + piece.length), piece) === 0;
}

describe('full duplex', () => {
  for (const [skewPpm, minutes] of [
    [200, 3],
    [-200, 2],
  ] as const) {
    const name = `carries ${minutes} minutes both ways without a wrong byte when the modem's clock is off by ${skewPpm} ppm`;
    it(name, { timeout: 60_000 }, async () => {
      const call = await longCall(minutes, { skewPpm });
      expect(holds(call.fromExchange, call.heardByDriver)).toBe(true);
      // The last second was still under way at the end, or beyond the ten minutes that are kept.
      expect(holds(call.heardByExchange, call.fromDriver.subarray(0, -8000))).toBe(true);
      expect(call.statistics).toMatchObject({ underruns: 0, overruns: 0 });
      expect(call.statistics.bytesPlayed).toBe(call.statistics.bytesHeard + CUSHION);
      const expected = minutes * 480_000 * (1 + skewPpm / 1e6);
      expect(Math.abs(call.heardByDriver.length - expected)).toBeLessThan(800);
    });
  }

  it('survives hesitations shorter than the cushion without an underrun', async () => {
    const call = await longCall(1, { stallMs: 40, stallEveryMs: 1000 });
    expect(call.statistics.underruns).toBe(0);
    expect(call.counters.underruns).toBe(0);
  });

  it('counts an underrun when a hesitation outlasts the cushion, loses nothing, and needs no second one', async () => {
    const call = await longCall(1, { stallMs: 200, stallEveryMs: 5000 });
    expect(call.statistics.underruns).toBeGreaterThan(0);
    expect(call.statistics.underruns).toBeLessThan(3);
    expect(call.counters.underruns).toBe(call.statistics.underruns);
    expect(holds(call.fromExchange, call.heardByDriver)).toBe(true);
    // The exchange heard every byte in order; only silence was put between.
    const begin = Buffer.from(call.heardByExchange).indexOf(call.fromDriver.subarray(0, 64));
    let at = begin;
    let wanted = 0;
    let inserted = 0;
    for (; at < call.heardByExchange.length && wanted < call.fromDriver.length - 4000; at++) {
      if (call.heardByExchange[at] === call.fromDriver[wanted]) wanted++;
      else if (call.heardByExchange[at] === MULAW_SILENCE) inserted++;
      else break;
    }
    expect(wanted).toBe(call.fromDriver.length - 4000);
    expect(inserted).toBeLessThan(8000);
  });
});
