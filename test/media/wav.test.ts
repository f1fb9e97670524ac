import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMulaw } from '#media/g711.ts';
import { dominantFrequency, dominantFrequencyOfMulaw } from '#media/spectrum.ts';
import { ToneGenerator } from '#media/tones.ts';
import { readWav, wavAsMulaw, writeWav } from '#media/wav.ts';
import { Failure } from '#platform/failure.ts';

/** A 16-bit PCM file of several channels, with a chunk of odd length before the data. */
function pcmFile(channels: readonly Int16Array[], sampleRate: number): Uint8Array {
  const frames = channels[0]?.length ?? 0;
  const data = Buffer.alloc(frames * channels.length * 2);
  channels.forEach((channel, c) => {
    channel.forEach((sample, i) => {
      data.writeInt16LE(sample, 2 * (i * channels.length + c));
    });
  });
  const head = Buffer.alloc(12 + 24 + 12 + 8);
  head.write('RIFF', 0);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(channels.length, 22);
  head.writeUInt32LE(sampleRate, 24);
  head.writeUInt32LE(sampleRate * channels.length * 2, 28);
  head.writeUInt16LE(channels.length * 2, 32);
  head.writeUInt16LE(16, 34);
  head.write('LIST', 36);
  head.writeUInt32LE(3, 40);
  head.write('data', 48);
  head.writeUInt32LE(data.length, 52);
  return Buffer.concat([head, data]);
}

describe('WAV', () => {
  it('reads back PCM and mu-law files it wrote', () => {
    const tone = new ToneGenerator([500]).nextLinear(1000);
    expect(readWav(writeWav(tone))).toEqual({ sampleRate: 8000, samples: tone });
    const codes = new ToneGenerator([500]).next(1000);
    expect(readWav(writeWav(codes)).samples).toEqual(decodeMulaw(codes));
  });

  it('reads stereo at 16 kHz past chunks of odd length and brings it to the line rate', () => {
    const left = Int16Array.from({ length: 16_000 }, (_, i) => 8000 * Math.sin((2 * Math.PI * 620 * i) / 16_000));
    const sound = readWav(pcmFile([left, left], 16_000));
    expect(sound.sampleRate).toBe(16_000);
    expect(dominantFrequency(sound.samples, 16_000)?.frequency).toBeCloseTo(620, 0);
    const line = wavAsMulaw(sound);
    expect(line.length).toBe(8000);
    expect(dominantFrequencyOfMulaw(line)?.frequency).toBeCloseTo(620, 0);
  });

  it('reads a recording whose lengths were never filled in', () => {
    const bytes = writeWav(new ToneGenerator([500]).nextLinear(1000));
    bytes.fill(0, 4, 8);
    bytes.fill(0, 40, 44);
    expect(readWav(bytes).samples.length).toBe(1000);
  });

  it('refuses anything else with a typed error', () => {
    const good = writeWav(new Int16Array(10));
    fc.assert(
      fc.property(fc.nat(43), fc.nat(255), fc.nat(64), (at, value, keep) => {
        const bytes = good.slice(0, keep);
        if (at < bytes.length) bytes[at] = value;
        try {
          readWav(bytes);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(Failure);
        }
      }),
    );
    expect(() => readWav(new Uint8Array(5))).toThrow(/RIFF/);
  });
});
