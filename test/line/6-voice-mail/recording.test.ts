import { describe, expect, it } from 'vitest';
import { decodeMulaw, encodeMulaw, silence } from '#media/g711.ts';
import { MessageRecorder } from '#media/message-recorder.ts';
import { Clip, Player } from '#media/player.ts';
import { ToneGenerator } from '#media/tones.ts';
import { concat } from '#platform/bytes.ts';
import { noise, voice } from './line-caller.ts';

const OPTIONS = { maxSeconds: 60, silenceSeconds: 4 };

/** What the recorder makes of a sound in pieces of any size, and after how many seconds it ended by itself. */
function record(sound: Uint8Array, options = OPTIONS, piece = 117) {
  const ends: (readonly [string, number])[] = [];
  let at = 0;
  const recorder = new MessageRecorder(options, (end) => ends.push([end, at / 8000]));
  for (; at < sound.length; at += piece) recorder.push(sound.subarray(at, at + piece));
  return { ends, recorder };
}

/** The noise of a line under a voice. */
function over(hiss: Uint8Array, sound: Uint8Array): Uint8Array {
  const [a, b] = [decodeMulaw(hiss), decodeMulaw(sound)];
  return encodeMulaw(a.map((sample, i) => Math.max(-32_768, Math.min(32_767, sample + (b[i] ?? 0)))));
}

describe('the recorder of messages', () => {
  for (const hiss of [-65, -50, -42]) {
    it(`ends after the silence that was asked for, over line noise of ${hiss} dBm0, and cuts it off`, () => {
      const sound = over(noise(30, hiss), voice(12));
      const { ends, recorder } = record(sound);
      expect(ends.map(([end]) => end)).toEqual(['silence']);
      expect(ends[0]?.[1]).toBeGreaterThan(12 + 4 - 0.8);
      expect(ends[0]?.[1]).toBeLessThan(12 + 4 + 0.3);
      const { sound: kept, voiceMs } = recorder.finish();
      expect(kept.length / 8000).toBeGreaterThan(11.3);
      expect(kept.length / 8000).toBeLessThan(12.6);
      expect(voiceMs).toBeGreaterThan(3000);
    });
  }

  it('goes on through pauses that are shorter', () => {
    const sound = concat(voice(3), silence(3 * 8000), voice(3), silence(3 * 8000), voice(3));
    expect(record(sound).ends).toEqual([]);
  });

  it('ends at the greatest length, and takes no sample more', () => {
    const { ends, recorder } = record(voice(20), { ...OPTIONS, maxSeconds: 10 });
    expect(ends.map(([end]) => end)).toEqual(['length']);
    expect(recorder.finish().sound.length).toBeLessThanOrEqual(80_000);
    expect(recorder.finish().sound.length).toBeGreaterThan(75_000);
  });

  it('keeps nothing of silence, noise, or a click', () => {
    const click = concat(silence(8000), new ToneGenerator([900]).next(240), silence(40_000));
    for (const sound of [silence(40_000), noise(5, -55), noise(5, -35), click]) {
      expect(record(sound).recorder.finish()).toMatchObject({ sound: new Uint8Array(), voiceMs: 0 });
    }
  });

  it('raises a quiet voice, never clips, and leaves a loud one as it is', () => {
    const loud = record(voice(6, 9000)).recorder.finish();
    expect(loud.sound).toEqual(voice(6, 9000).subarray(0, loud.sound.length));
    const quiet = record(voice(6, 700)).recorder.finish();
    expect(quiet.levelDbm0).toBeLessThan(-26);
    const peak = (sound: Uint8Array) => decodeMulaw(sound).reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    expect(peak(quiet.sound)).toBeGreaterThan(2 * peak(voice(6, 700)));
    expect(peak(quiet.sound)).toBeLessThan(32_000);
  });

  it('keeps each sample of a long message', () => {
    const long = voice(27, 9000);
    const { sound } = record(long, OPTIONS, 7001).recorder.finish();
    expect(sound.length).toBeGreaterThan(26 * 8000);
    expect(sound).toEqual(long.subarray(0, sound.length));
  });

  it('cuts the key off that ended it', () => {
    const whole = record(voice(6)).recorder.finish(0).sound.length;
    const cut = record(concat(voice(6), new ToneGenerator([941, 1477]).next(1200))).recorder.finish(150).sound.length;
    expect(cut - whole).toBeLessThan(400);
  });
});

describe('the player', () => {
  it('plays to the last sample and tells so, in pieces of any size', async () => {
    const player = new Player();
    const sound = voice(1);
    const end = player.play(new Clip(sound));
    const pieces: Uint8Array[] = [];
    for (let left = 8000; left > 0; left -= 113) pieces.push(player.next(113));
    expect(concat(...pieces).subarray(0, 8000)).toEqual(sound);
    expect(await end).toBe('over');
    expect(player.next(50)).toEqual(silence(50));
  });

  it('is cut short by the next sound, and tells which one was', async () => {
    const player = new Player();
    const first = player.play(new Clip(voice(1)));
    player.next(160);
    const second = player.play(new Clip(new Uint8Array(160).fill(3)));
    expect(await first).toBe('stopped');
    expect(player.next(160)).toEqual(new Uint8Array(160).fill(3));
    expect(await second).toBe('over');
    expect(await player.play(new Clip(new Uint8Array()))).toBe('over');
  });
});
