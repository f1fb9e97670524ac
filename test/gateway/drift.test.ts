import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PacedSound, Recorder } from '#media/paced.ts';
import { openRtpSession } from '#media/rtp-session.ts';
import { dominantFrequencyOfMulaw } from '#media/spectrum.ts';
import { ToneGenerator } from '#media/tones.ts';
import { VoicePath } from '#media/voice-path.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { LineEmulator } from '#pstn/emulator/client.ts';
import { ModemLine } from '#pstn/modem/modem-line.ts';

const program = resolve('dist/copperring.mjs');
const openSession = () =>
  openRtpSession({ clock: systemClock, random: systemRandom, logger: silentLogger }, { address: '127.0.0.1' });

/** Share of 100 ms windows that hold the tone cleanly. */
function cleanShare(sound: Uint8Array, hz: number): number {
  let clean = 0;
  let windows = 0;
  for (let at = 0; at + 800 <= sound.length; at += 800) {
    const measured = dominantFrequencyOfMulaw(sound.subarray(at, at + 800));
    windows++;
    if (measured && measured.purity > 0.9 && Math.abs(measured.frequency - hz) < hz * 0.02) clean++;
  }
  return clean / windows;
}

describe('sound between a line and RTP whose clocks differ', () => {
  it.concurrent.each([
    [1000, 0],
    [-1000, 0],
    [200, 150],
  ])('stays whole with a line %i ppm off that stalls for %i ms', async (skewPpm, stallMs) => {
    const emulator = await LineEmulator.start({ clock: systemClock }, { program, skewPpm, stallMs });
    const line = new ModemLine(
      { clock: systemClock, log: silentLogger },
      { name: 'line', path: emulator.path, country: 'US' },
    );
    const [near, far] = [await openSession(), await openSession()];
    try {
      await line.start();
      await emulator.send({ command: 'plan', number: '123', sendHz: 1200, answerAfterMs: 0 });
      far.applyRemote(near.localDescription);
      near.applyRemote(far.localDescription);
      const call = await line.dial('123', new AbortController().signal);
      const sink = new Recorder(30);
      const paced = new PacedSound(systemClock, far, { source: new ToneGenerator([700]), sink });
      paced.start();
      const voice = new VoicePath(near, { cancelEcho: true, automaticGain: true });
      call.connect((heard, spare) => voice.exchange(heard, spare));
      await new Promise((done) => setTimeout(done, 5000));
      paced.stop();
      const report = await emulator.report();
      await call.hangUp();

      // The first second holds the filling of the buffers.
      expect(cleanShare(sink.sound.subarray(8000), 1200)).toBeGreaterThan(0.8);
      expect(report.call?.heardHz ?? 0).toBeGreaterThan(693);
      expect(report.call?.heardHz ?? 0).toBeLessThan(707);
      expect(far.statistics.overruns + near.statistics.overruns).toBe(0);
      expect(near.statistics.underruns).toBeLessThanOrEqual(20);
      expect(call.statistics).toMatchObject({ overruns: 0 });
    } finally {
      await line.stop();
      await emulator.stop();
      near.close();
      far.close();
    }
  });
});
