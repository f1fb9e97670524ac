import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { silence } from '#media/g711.ts';
import { RecordingSource } from '#media/paced.ts';
import { ToneGenerator } from '#media/tones.ts';
import { concat } from '#platform/bytes.ts';
import { skipped } from '../3-signal-processing/skipped.ts';
import { type Timed, virtualCall } from './virtual-call.ts';

const soxMissing = spawnSync('sox', ['--version']).status === 0 ? undefined : 'sox is not installed';
const TRANSIT_MS = 5;
const PACKET_MS = 20;
const ADDED_MS = 60;

/** A tone that begins after so many seconds of silence. */
const beginningAfter = (seconds: number, hertz: number) =>
  concat(silence(8000 * seconds), new ToneGenerator([hertz]).next(16_000), silence(8000 * 20));

/** When a sound begins, ms of the call's clock: sox leaves out the silence before it and says how much is left. */
function beginning({ start, sound }: Timed): number {
  const raw = ['-t', 'raw', '-e', 'mu-law', '-b', '8', '-r', '8000', '-c', '1', '-'];
  const { stderr } = spawnSync('sox', [...raw, '-n', 'silence', '1', '0', '2%', 'stat'], { input: sound });
  const left = Number(/Length \(seconds\):\s+([\d.]+)/.exec(stderr.toString())?.[1]);
  return start + sound.length / 8 - left * 1000;
}

describe.skipIf(skipped('latency by sox', soxMissing))('latency as sox measures it, on the virtual clock', () => {
  it('is what the gateway may add, each way', async () => {
    const made = await virtualCall({
      party: { sendSound: beginningAfter(8, 700) },
      voice: { cancelEcho: false, automaticGain: false },
      phone: new RecordingSource(beginningAfter(5, 900), false),
      transit: () => TRANSIT_MS,
      keep: true,
    });
    await made.clock.advance(12_000);
    const { line, toLine, phone, toPhone } = made.recorded();
    const fromLine = beginning(toPhone) - beginning(line);
    const fromPhone = beginning(toLine) - beginning(phone) - TRANSIT_MS - PACKET_MS;
    const { targetMs } = made.session.statistics;
    console.log(
      `latency by sox: line to phone ${fromLine.toFixed(1)} ms with the packet; phone to line ${fromPhone.toFixed(1)} ms, ` +
        `the jitter buffer aims at ${targetMs} ms of it`,
    );
    expect(fromLine).toBeGreaterThanOrEqual(PACKET_MS);
    expect(fromLine).toBeLessThanOrEqual(ADDED_MS);
    expect(fromPhone).toBeGreaterThan(ADDED_MS - PACKET_MS);
    expect(fromPhone).toBeLessThanOrEqual(ADDED_MS + targetMs);
  });
});
