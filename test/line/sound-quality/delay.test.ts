import { describe, expect, it } from 'vitest';
import { encodeMulaw } from '#media/g711.ts';
import { RecordingSource } from '#media/paced.ts';
import { noise, randomOf } from '../../support/line-speech.ts';
import { delayBetween } from './measure.ts';
import { virtualCall } from './virtual-call.ts';

const noiseOf = (seed: number) => encodeMulaw(Int16Array.from(noise(20, -18, seed)));

/** The gateway's own share, beside the jitter buffer's target. */
const ADDED_MS = 60;
/** The first sample of a phone's packet is so old when the packet leaves. */
const PACKET_MS = 20;

async function delays(transit: (n: number) => number) {
  const made = await virtualCall({
    party: { sendSound: noiseOf(1) },
    voice: { cancelEcho: true, automaticGain: true },
    phone: new RecordingSource(noiseOf(2), false),
    transit,
    keep: true,
  });
  await made.clock.advance(18_000);
  const { line, toLine, phone, toPhone } = made.recorded();
  return {
    fromLine: delayBetween(line, toPhone, 12_000),
    fromPhone: delayBetween(phone, toLine, 12_000),
    statistics: made.session.statistics,
  };
}

describe('the delay that the gateway adds, exactly, on the virtual clock', () => {
  it('is at most 60 ms from the line to the phone, and 60 ms and the jitter buffer from the phone to the line', async () => {
    const { fromLine, fromPhone, statistics } = await delays(() => 5);
    const added = fromPhone.ms - 5 - PACKET_MS;
    console.log(
      `delay on the virtual clock: line to phone ${fromLine.ms} ms with the packet; phone to line ${added} ms, ` +
        `the jitter buffer aims at ${statistics.targetMs} ms of it`,
    );
    expect(Math.min(fromLine.likeness, fromPhone.likeness)).toBeGreaterThan(0.95);
    expect(fromLine.ms).toBeLessThanOrEqual(ADDED_MS);
    expect(fromLine.ms).toBeGreaterThanOrEqual(PACKET_MS);
    expect(statistics.targetMs).toBeLessThanOrEqual(60);
    expect(added).toBeLessThanOrEqual(ADDED_MS + statistics.targetMs);
    expect(added).toBeGreaterThan(ADDED_MS - PACKET_MS);
  });

  it('grows by the jitter of the network and no more', async () => {
    const random = randomOf(9);
    const { fromPhone, statistics } = await delays(() => 5 + 60 * random());
    const added = fromPhone.ms - 5 - PACKET_MS;
    console.log(
      `delay with 60 ms of jitter: phone to line ${added} ms, the jitter buffer aims at ${statistics.targetMs} ms of it`,
    );
    expect(statistics.targetMs).toBeGreaterThan(60);
    expect(statistics.targetMs).toBeLessThan(130);
    expect(added).toBeLessThanOrEqual(ADDED_MS + statistics.targetMs);
  });
});
