import { describe, expect, it } from 'vitest';
import { concat } from '#platform/bytes.ts';
import { hybridShapes } from '#pstn/emulator/hybrid.ts';
import { speech, speechMissing } from '../../support/speech.ts';
import { conversation } from './calls.ts';

if (speechMissing !== undefined) console.warn(`NOT RUN: a long call of speech, since ${speechMissing}`);

const MINUTES = 3;

describe.skipIf(speechMissing !== undefined && process.env.CI === undefined)('a long call', () => {
  it.each(['US', 'DE'] as const)(
    'in %s in which both talk, with the echo of the line, ends when it is hung up',
    async (country) => {
      const far = concat(...speech(MINUTES * 60, 1));
      const near = concat(...speech(MINUTES * 60, 2));
      const hybrid = { shape: hybridShapes[0], erlDb: 8 };
      const talk = await conversation({ country }, { country, silenceSeconds: 10 }, { sendSound: far, hybrid });
      let at = 0;
      talk.call.connect((samples) => {
        at += samples.length;
        return near.slice(at - samples.length, at);
      });
      await talk.clock.advance((MINUTES * 60 - 10) * 1000);
      expect(talk.line.status.state).toBe('busy');
      expect(talk.call.statistics.bytesHeard).toBeGreaterThan((MINUTES * 60 - 12) * 8000);
      talk.emulated.exchange.hangUp('busy-tone');
      const since = talk.clock.now();
      expect(await talk.clock.run(talk.call.ended)).toBe('busy-tone');
      expect(talk.clock.now() - since).toBeLessThan(2000);
    },
  );
});
