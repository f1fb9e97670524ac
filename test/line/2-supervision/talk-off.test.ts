import { describe, expect, it } from 'vitest';
import { countries } from '#pstn/countries.ts';
import { NetworkEar } from '#pstn/supervision/network-ear.ts';
import { speech, speechMissing } from '../../support/speech.ts';

if (speechMissing !== undefined) console.warn(`NOT RUN: talk-off of the supervision, since ${speechMissing}`);

/** Rows whose tones lie where voices do, and whose cadences differ: two tones at a time, 400, 414, 425 and 440 Hz, modulated ones. */
const codes = ['US', 'GB', 'DE', 'FR', 'IL', 'IN'] as const;
const MINUTES = 60;

describe.skipIf(speechMissing !== undefined && process.env.CI === undefined)('60 minutes of speech', () => {
  it('end no call by a tone that was none, in any of six countries', { timeout: 170_000 }, () => {
    const ended: string[] = [];
    const waiting: string[] = [];
    const voices = new Set<string>();
    const ears = codes.map(
      (code) =>
        new NetworkEar(countries[code], (what) => {
          if (what === 'voice') voices.add(code);
          else if (what === 'call-waiting') waiting.push(code);
          else if (what !== 'ringback') ended.push(`${code} ${what}`);
        }),
    );
    let samples = 0;
    for (const piece of speech(MINUTES * 60, 180)) {
      samples += piece.length;
      for (const ear of ears) ear.push(piece);
    }
    expect(samples).toBe(MINUTES * 60 * 8000);
    expect(ended).toEqual([]);
    expect(voices).toEqual(new Set(codes));
    // A waiting call that is none only makes a telephone or a log say so.
    expect(waiting.length).toBeLessThan(MINUTES);
  });
});
