import { decodeAlaw, decodeMulaw, encodeAlaw, encodeMulaw } from '#media/g711.ts';

/** One way of coding sound, to and from the line's mu-law. */
export interface SoundCoding {
  readonly bytesPerSample: 1 | 2;
  /** A whole number of samples. */
  toLine(bytes: Uint8Array): Uint8Array;
  fromLine(mulaw: Uint8Array): Uint8Array;
}

export type CodingName = 'unsigned-8' | 'signed-8' | 'mu-law' | 'a-law' | 'linear-14' | 'linear-16';

const same = (bytes: Uint8Array) => bytes;

/** Linear samples of 16 bits, least significant byte first; of 14 bits the two lowest are 0. */
function linear(mask: number): SoundCoding {
  return {
    bytesPerSample: 2,
    toLine(bytes) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      return encodeMulaw(Int16Array.from({ length: bytes.length >> 1 }, (_, i) => view.getInt16(2 * i, true)));
    },
    fromLine(mulaw) {
      const view = new DataView(new ArrayBuffer(2 * mulaw.length));
      for (const [i, sample] of decodeMulaw(mulaw).entries()) view.setInt16(2 * i, sample & mask, true);
      return new Uint8Array(view.buffer);
    },
  };
}

/** What this emulator can code. ADPCM and G.729 are in no list: a personality offers them by name only. */
export const soundCodings: Readonly<Record<CodingName, SoundCoding>> = {
  'unsigned-8': {
    bytesPerSample: 1,
    toLine: (bytes) => encodeMulaw(Int16Array.from(bytes, (byte) => (byte - 128) << 8)),
    fromLine: (mulaw) => Uint8Array.from(decodeMulaw(mulaw), (sample) => (sample >> 8) + 128),
  },
  'signed-8': {
    bytesPerSample: 1,
    toLine: (bytes) => encodeMulaw(Int16Array.from(Int8Array.from(bytes), (byte) => byte << 8)),
    fromLine: (mulaw) => Uint8Array.from(decodeMulaw(mulaw), (sample) => sample >> 8),
  },
  'mu-law': { bytesPerSample: 1, toLine: same, fromLine: same },
  'a-law': {
    bytesPerSample: 1,
    toLine: (bytes) => encodeMulaw(decodeAlaw(bytes)),
    fromLine: (mulaw) => encodeAlaw(decodeMulaw(mulaw)),
  },
  'linear-14': linear(~3),
  'linear-16': linear(~0),
};
