import { describe, expect, it } from 'vitest';
import { concat } from '#platform/bytes.ts';
import { hybridShapes } from '#pstn/emulator/hybrid.ts';
import { speech, speechMissing } from '../../support/speech.ts';
import { conversation, mute } from './calls.ts';

if (speechMissing !== undefined) console.warn(`NOT RUN: an hour of speech in a call, since ${speechMissing}`);

const SECONDS = 60 * 60;
/** Sound of the last seconds is still on its way. */
const ON_ITS_WAY = 2 * 8000;

describe.skipIf(speechMissing !== undefined && process.env.CI === undefined)('a call of 60 minutes of speech', () => {
  it('is not ended by anything that is said, and then ends within 2 s of the hang-up', async () => {
    // Its tones lie lowest, where most voices do.
    const country = 'US';
    const far = concat(...speech(SECONDS, 11));
    // The other one speaks with the voices of a quarter of an hour later, so that both talk at once much of the time.
    const near = concat(far.subarray(far.length / 4), far.subarray(0, far.length / 4));
    const hybrid = { shape: hybridShapes[0], erlDb: 10 };
    // A modem that reports nothing: only our own ear can be wrong.
    const talk = await conversation({ country }, { country, silenceSeconds: 30, ...mute }, { sendSound: far, hybrid });
    let ended: string | undefined;
    void talk.call.ended.then((why) => {
      ended = why;
    });
    let at = 0;
    talk.call.connect((samples) => {
      at += samples.length;
      return near.subarray(at - samples.length, at);
    });
    await talk.clock.advance((SECONDS - 5) * 1000);
    expect(ended).toBeUndefined();
    expect(at).toBeGreaterThan((SECONDS - 5) * 8000 - ON_ITS_WAY);
    const since = talk.clock.now();
    talk.emulated.exchange.hangUp('busy-tone');
    expect(await talk.clock.run(talk.call.ended)).toBe('busy-tone');
    expect(talk.clock.now() - since).toBeLessThanOrEqual(2000);
  }, 400_000);
});
