import { describe, expect, it } from 'vitest';
import { linearOf, mulawOf } from '#media/g711.ts';
import { dominantFrequencyOfMulaw } from '#media/spectrum.ts';
import { ToneGenerator } from '#media/tones.ts';
import type { VoiceModemName } from '#pstn/emulator/personalities/table.ts';
import { builtInProfiles } from '#pstn/modem/profiles/built-in.ts';
import type { Coding, VoiceProfile } from '#pstn/modem/profiles/schema.ts';
import { soundCodec } from '#pstn/modem/sound-codec.ts';
import { simulatedLine } from '../../pstn/simulated-line.ts';

function onlyWith(name: string, coding: Coding): VoiceProfile {
  const profile = builtInProfiles.find((candidate) => candidate.name === name);
  if (profile?.kind !== 'voice') throw new Error(`${name} is no voice modem`);
  const methods = profile.voice.methods.filter((method) => method.coding === coding);
  return { ...profile, voice: { ...profile.voice, methods } };
}

const cases: readonly (readonly [VoiceModemName, Coding, string])[] = [
  ['usr-5637', 'mulaw', 'AT+VSM=131,8000'],
  ['usr-5637', 'alaw', 'AT+VSM=130,8000'],
  ['usr-5637', 'linear-16', 'AT+VSM=129,8000'],
  ['usr-5637', 'unsigned-8', 'AT+VSM=128,8000'],
  ['rockwell', 'alaw', 'AT+VSM=5,8000'],
  ['rockwell', 'signed-8', 'AT+VSM=0,8000'],
  ['rockwell', 'unsigned-8', 'AT+VSM=1,8000'],
];

describe('sound in the coding of the modem', () => {
  for (const [modem, coding, command] of cases) {
    it(`${coding} of the emulated ${modem} is the same sound in a call, both ways, as loud as it was`, async () => {
      const profile = onlyWith(modem, coding);
      const { clock, line, emulated, written } = simulatedLine({ modem }, { profile });
      const level = 6000;
      const far = new ToneGenerator([523], level).next(80_000);
      emulated.exchange.plan('1', { behaviour: 'answers', answerAfterMs: 500, sendSound: far, reversal: true });
      emulated.exchange.record();
      await clock.run(line.start());
      expect(written()).toContain(`${command}\r`);
      const call = await clock.run(line.dial('1', new AbortController().signal), 60_000);
      const tone = new ToneGenerator([800], level);
      const heard: Uint8Array[] = [];
      call.connect((samples) => {
        heard.push(samples.slice());
        return tone.next(samples.length);
      });
      const before = call.statistics.bytesHeard;
      await clock.advance(3000);
      const { bytesHeard, bytesPlayed, underruns } = call.statistics;
      await clock.run(call.hangUp());
      // Counted in samples, whatever a sample takes on the wire.
      expect(bytesHeard - before).toBeGreaterThan(23_500);
      expect(bytesHeard - before).toBeLessThan(24_500);
      expect(bytesPlayed - bytesHeard).toBe(480);
      expect(underruns).toBe(0);
      for (const [sound, hz] of [
        [new Uint8Array(Buffer.concat(heard)).slice(8000, 12_000), 523],
        [emulated.exchange.recorded.slice(-12_000, -8000), 800],
      ] as const) {
        const found = dominantFrequencyOfMulaw(sound);
        expect(found?.frequency).toBeCloseTo(hz, 0);
        expect(found?.amplitude).toBeGreaterThan(level * 0.95);
        expect(found?.amplitude).toBeLessThan(level * 1.05);
        expect(found?.purity).toBeGreaterThan(0.97);
      }
    });
  }

  it('puts samples of 16 bits together that were cut in two, and drops half a one when a stream begins anew', () => {
    const codec = soundCodec('linear-16');
    const bytes = codec.encode(Uint8Array.from([0x10, 0x7f, 0xf0, 0x00]));
    expect([...bytes]).toEqual(
      [0x10, 0x7f, 0xf0, 0x00].flatMap((code) => [linearOf(code) & 0xff, (linearOf(code) >> 8) & 0xff]),
    );
    const pieces = [bytes.slice(0, 1), bytes.slice(1, 4), bytes.slice(4, 7), bytes.slice(7)];
    expect(pieces.flatMap((piece) => [...codec.decode(piece)])).toEqual([0x10, mulawOf(0), 0xf0, 0x00]);
    codec.decode(bytes.slice(0, 1));
    codec.reset();
    expect([...codec.decode(bytes.slice(4, 6))]).toEqual([0xf0]);
  });
});
