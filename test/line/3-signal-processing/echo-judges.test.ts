import { describe, expect, it } from 'vitest';
import { hybridResponse, hybridShapes } from '#pstn/emulator/hybrid.ts';
import { espeakMissing, speech } from '../../support/line-speech.ts';
import { spandspMissing } from '../../support/spandsp.ts';
import { spandspEchoLeft } from '../../support/spandsp-sound.ts';
import { cleaned, echoLine, lossDb } from './echo-line.ts';
import { skipped } from './skipped.ts';

const DELAY = 800;
const SECONDS = 16;
const reason = espeakMissing ?? spandspMissing;

describe.skipIf(skipped('echo canceller beside libspandsp', reason))(
  'the line echo canceller beside libspandsp, on speech',
  () => {
    it.each(hybridShapes)('weakens the echo of a %s hybrid at least as much', (shape) => {
      const path = hybridResponse({ shape, erlDb: 8 });
      const sound = echoLine({ played: speech('her', SECONDS, -17), path: () => path, delay: () => DELAY });
      const heard = Int16Array.from(sound.heard);
      // It knows nothing of a bulk delay: it is told the reference as late as the echo.
      const late = Int16Array.from(sound.played, (_, n) => sound.played[n - DELAY] ?? 0);
      const during = [5, SECONDS - 0.5] as const;
      const loss = (left: Float64Array) => lossDb(sound.heard, left, during);
      const by = {
        'own linear': loss(cleaned(sound, false).left),
        'own with suppressor': loss(cleaned(sound, true).left),
        'libspandsp linear': loss(spandspEchoLeft(late, heard, { taps: 256, suppress: false })),
        'libspandsp with suppressor': loss(spandspEchoLeft(late, heard, { taps: 256, suppress: true })),
      };
      for (const [who, db] of Object.entries(by))
        console.log(`echo of speech, ${shape} hybrid, ${who}: ERLE ${db.toFixed(1)} dB`);
      expect(by['own linear']).toBeGreaterThan(30);
      expect(by['own linear']).toBeGreaterThan(by['libspandsp linear']);
    });
  },
);
