import { expect } from 'vitest';
import { encodeMulaw } from '#media/g711.ts';
import { RecordingSource } from '#media/paced.ts';
import { speechLike } from '../../support/line-speech.ts';
import { virtualCall } from './virtual-call.ts';

const MINUTES = 60;
const speechOf = (seed: number) => encodeMulaw(Int16Array.from(speechLike(20, -19, seed)));

/** A call of an hour between clocks that differ; each is a file of its own, so that they run beside each other. */
export async function anHourAt(skewPpm: number): Promise<void> {
  const began = performance.now();
  const made = await virtualCall({
    party: { sendSound: speechOf(1) },
    modem: { skewPpm },
    // Neither changes how much sound there is, and both take most of the time.
    voice: { cancelEcho: false, automaticGain: false },
    phone: new RecordingSource(speechOf(2), true),
    transit: (n) => 5 + ((n * 7) % 12),
    keep: false,
  });
  await made.clock.advance(MINUTES * 60_000);
  const { statistics } = made.session;
  console.log(
    `an hour at ${skewPpm} ppm: ${JSON.stringify({ ...statistics, ...made.call.statistics, modem: made.underrunsOfModem() })} in ${Math.round((performance.now() - began) / 1000)} s`,
  );
  // The call went on to the end of the hour, with sound both ways.
  const bytes = MINUTES * 60 * 8000 * (1 + skewPpm / 1e6);
  expect(made.call.statistics.bytesHeard).toBeGreaterThan(bytes - 8000);
  expect(made.call.statistics.bytesPlayed).toBeGreaterThan(bytes - 8000);
  expect(statistics.packetsReceived).toBeGreaterThan(MINUTES * 60 * 50 - 50);
  expect(made.underrunsOfModem()).toBe(0);
  expect(made.call.statistics).toMatchObject({ underruns: 0, overruns: 0, givenBackMs: 0 });
  expect(statistics).toMatchObject({ underruns: 0, overruns: 0, packetsLate: 0 });
}
