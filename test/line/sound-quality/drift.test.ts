import { describe, expect, it } from 'vitest';
import { encodeMulaw } from '#media/g711.ts';
import { RecordingSource } from '#media/paced.ts';
import { speechLike } from '../../support/line-speech.ts';
import { virtualCall } from './virtual-call.ts';

const speechOf = (seed: number) => encodeMulaw(Int16Array.from(speechLike(20, -19, seed)));
const MINUTES = 60;

describe('a call of an hour between clocks that differ, on the virtual clock', () => {
  it.each([200, -200])(
    'has no under- or overrun with a line %i ppm off',
    async (skewPpm) => {
      const began = performance.now();
      const made = await virtualCall({
        party: { sendSound: speechOf(1) },
        modem: { skewPpm },
        // Neither changes how much sound there is, and both take most of the time.
        voice: { cancelEcho: false, automaticGain: true },
        phone: new RecordingSource(speechOf(2), true),
        transit: (n) => 5 + ((n * 7) % 12),
        keep: false,
      });
      await made.clock.advance(MINUTES * 60_000);
      const { statistics } = made.session;
      const bytes = MINUTES * 60 * 8000 * (1 + skewPpm / 1e6);
      console.log(
        `an hour at ${skewPpm} ppm: ${JSON.stringify({ ...statistics, ...made.call.statistics, modem: made.underrunsOfModem() })} in ${Math.round((performance.now() - began) / 1000)} s`,
      );
      // The call went on to the end of the hour, with sound both ways.
      expect(made.call.statistics.bytesHeard).toBeGreaterThan(bytes - 8000);
      expect(made.call.statistics.bytesPlayed).toBeGreaterThan(bytes - 8000);
      expect(statistics.packetsReceived).toBeGreaterThan(MINUTES * 60 * 50 - 50);
      expect(made.underrunsOfModem()).toBe(0);
      expect(made.call.statistics).toMatchObject({ underruns: 0, overruns: 0 });
      expect(statistics).toMatchObject({ underruns: 0, overruns: 0, packetsLate: 0 });
    },
    400_000,
  );
});
