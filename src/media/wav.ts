import { decodeAlaw, decodeMulaw, encodeMulaw } from '#media/g711.ts';
import { SAMPLE_RATE } from '#media/tones.ts';
import { Failure } from '#platform/failure.ts';

export interface WavSound {
  /** Samples a second. */
  readonly sampleRate: number;
  /** 16-bit linear, mono: several channels are mixed. */
  readonly samples: Int16Array;
}

interface WavFault {
  readonly code: 'bad-wav';
  readonly detail: string;
}

const FORMAT_PCM = 1;
const FORMAT_ALAW = 6;
const FORMAT_MULAW = 7;
const FORMAT_EXTENSIBLE = 0xfffe;

interface Format {
  readonly tag: number;
  readonly channels: number;
  readonly sampleRate: number;
  readonly bits: number;
}

/**
 * Reads a RIFF WAVE file of 16-bit PCM, mu-law or A-law at 8000 to 48000 samples a second with 1 to 8 channels.
 * A data chunk whose length was never filled in, as in a recording cut short, is read up to the end.
 */
export function readWav(bytes: Uint8Array): WavSound {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || tagAt(view, 0) !== 'RIFF' || tagAt(view, 8) !== 'WAVE')
    throw bad('it does not start as RIFF WAVE');
  let format: Format | undefined;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const tag = tagAt(view, at);
    const declared = view.getUint32(at + 4, true);
    const length = Math.min(declared, bytes.length - at - 8);
    if (tag === 'fmt ') format = readFormat(view, at + 8, length);
    if (tag === 'data') {
      if (!format) throw bad('the data comes before the format');
      const unfilled = declared === 0 && at + 8 < bytes.length;
      return mixDown(bytes.subarray(at + 8, unfilled ? bytes.length : at + 8 + length), format);
    }
    at += 8 + length + (length & 1);
  }
  throw bad('it holds no data');
}

/** A mono WAVE file at 8000 samples a second: 16-bit PCM of Int16Array, mu-law of Uint8Array. */
export function writeWav(sound: Int16Array | Uint8Array): Uint8Array {
  const linear = sound instanceof Int16Array;
  const width = linear ? 2 : 1;
  const dataLength = sound.length * width;
  const bytes = new Uint8Array(44 + dataLength);
  const view = new DataView(bytes.buffer);
  putTag(bytes, 0, 'RIFF');
  view.setUint32(4, 36 + dataLength, true);
  putTag(bytes, 8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, linear ? FORMAT_PCM : FORMAT_MULAW, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, SAMPLE_RATE, true);
  view.setUint32(28, SAMPLE_RATE * width, true);
  view.setUint16(32, width, true);
  view.setUint16(34, 8 * width, true);
  putTag(bytes, 36, 'data');
  view.setUint32(40, dataLength, true);
  if (linear) for (let i = 0; i < sound.length; i++) view.setInt16(44 + 2 * i, sound[i] ?? 0, true);
  else bytes.set(sound, 44);
  return bytes;
}

/** A sound as the line takes it: mu-law at 8000 samples a second. Higher rates are averaged down. */
export function wavAsMulaw(sound: WavSound): Uint8Array {
  const { sampleRate, samples } = sound;
  if (sampleRate === SAMPLE_RATE) return encodeMulaw(samples);
  const step = sampleRate / SAMPLE_RATE;
  const resampled = new Int16Array(Math.floor(samples.length / step));
  for (let i = 0; i < resampled.length; i++) {
    const from = Math.floor(i * step);
    const to = Math.max(from + 1, Math.floor((i + 1) * step));
    let sum = 0;
    for (let j = from; j < to; j++) sum += samples[j] ?? 0;
    resampled[i] = Math.round(sum / (to - from));
  }
  return encodeMulaw(resampled);
}

function readFormat(view: DataView, at: number, length: number): Format {
  if (length < 16) throw bad('its format chunk is too short');
  let tag = view.getUint16(at, true);
  // The extensible form keeps the real tag at the start of the sub-format.
  if (tag === FORMAT_EXTENSIBLE && length >= 26) tag = view.getUint16(at + 24, true);
  const format = {
    tag,
    channels: view.getUint16(at + 2, true),
    sampleRate: view.getUint32(at + 4, true),
    bits: view.getUint16(at + 14, true),
  };
  const wanted = tag === FORMAT_PCM ? 16 : 8;
  if ((tag !== FORMAT_PCM && tag !== FORMAT_MULAW && tag !== FORMAT_ALAW) || format.bits !== wanted) {
    throw bad(`format ${tag} with ${format.bits} bits is none of 16-bit PCM, mu-law and A-law`);
  }
  if (format.channels < 1 || format.channels > 8) throw bad(`${format.channels} channels are none of 1 to 8`);
  if (format.sampleRate < 8000 || format.sampleRate > 48_000)
    throw bad(`${format.sampleRate} Hz is not within 8000 to 48000`);
  return format;
}

function mixDown(data: Uint8Array, format: Format): WavSound {
  const all = linearOf(data, format);
  const { channels, sampleRate } = format;
  if (channels === 1) return { sampleRate, samples: all };
  const samples = new Int16Array(Math.floor(all.length / channels));
  for (let i = 0; i < samples.length; i++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += all[i * channels + c] ?? 0;
    samples[i] = Math.round(sum / channels);
  }
  return { sampleRate, samples };
}

function linearOf(data: Uint8Array, format: Format): Int16Array {
  if (format.tag === FORMAT_MULAW) return decodeMulaw(data);
  if (format.tag === FORMAT_ALAW) return decodeAlaw(data);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Int16Array.from({ length: data.length >> 1 }, (_, i) => view.getInt16(2 * i, true));
}

function tagAt(view: DataView, at: number): string {
  return String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));
}

function putTag(bytes: Uint8Array, at: number, tag: string): void {
  for (let i = 0; i < tag.length; i++) bytes[at + i] = tag.charCodeAt(i);
}

function bad(detail: string): Failure<WavFault> {
  return new Failure<WavFault>(
    { code: 'bad-wav', detail },
    `not a usable WAV file: ${detail}; give 16-bit PCM or G.711`,
  );
}
