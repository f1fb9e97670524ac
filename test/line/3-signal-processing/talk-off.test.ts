import { describe, expect, it } from 'vitest';
import { DtmfDetector, dtmfSound } from '#media/dtmf.ts';
import { FaxToneDetector } from '#media/fax-tones.ts';
import { concat } from '#platform/bytes.ts';
import { CallerIdReceiver } from '#pstn/caller-id/receiver.ts';
import { callerIdSound } from '#pstn/caller-id/sound.ts';
import { speech, speechMissing } from '../../support/speech.ts';
import { skipped } from './skipped.ts';
import { mulaw, pause, render } from './sound.ts';

const MINUTES = 60;

describe.skipIf(skipped('talk-off', speechMissing))(`talk-off in ${MINUTES} minutes of speech`, () => {
  it('takes fewer than 2 moments for keys, and none for a fax machine or a caller ID; hears them behind it all the same', () => {
    let keys = '';
    const others: string[] = [];
    const dtmf = new DtmfDetector((key) => {
      keys += key;
    });
    const fax = new FaxToneDetector((tone) => others.push(tone));
    const callerId = new CallerIdReceiver(({ type }) => others.push(type));
    const push = (sound: Uint8Array) => {
      dtmf.push(sound);
      fax.push(sound);
      callerId.push(sound);
    };
    let samples = 0;
    for (const piece of speech(60 * MINUTES, 1)) {
      push(piece);
      samples += piece.length;
    }
    expect(samples).toBe(60 * MINUTES * 8000);
    expect(keys.length, `keys heard: ${keys}`).toBeLessThan(2);
    expect(others).toEqual([]);
    // None of them is deaf.
    keys = '';
    push(concat(dtmfSound('159D', 50, 50), mulaw(render([{ tones: [[1100, -15]], ms: 500 }, pause(500)]))));
    push(callerIdSound('v23', { number: '5551234' }));
    expect(keys).toBe('159D');
    expect(others).toEqual(['calling', 'call']);
  }, 120_000);
});
