import { decodeAlaw, decodeMulaw, encodeAlaw, encodeMulaw } from '#media/g711.ts';

/** One way of coding sound that the emulated modem offers; to and from the line's mu-law. */
export interface SoundCoding {
  readonly number: number;
  /** The row as `AT+VSM=?` shows it. */
  readonly row: string;
  toLine(bytes: Uint8Array): Uint8Array;
  fromLine(mulaw: Uint8Array): Uint8Array;
}

const same = (bytes: Uint8Array) => bytes;

/** The rows that a CX93001 was seen to answer and that this emulator can code: 8 bits at 8000 a second. */
export const soundCodings: readonly SoundCoding[] = [
  {
    number: 130,
    row: '130,"UNSIGNED PCM",8,0,(7200,8000,11025),(0),(0)',
    toLine: (bytes) => encodeMulaw(Int16Array.from(bytes, (byte) => (byte - 128) << 8)),
    fromLine: (mulaw) => Uint8Array.from(decodeMulaw(mulaw), (sample) => (sample >> 8) + 128),
  },
  { number: 131, row: '131,"ULAW",8,0,(7200,8000,11025),(0),(0)', toLine: same, fromLine: same },
  {
    number: 132,
    row: '132,"ALAW",8,0,(7200,8000,11025),(0),(0)',
    toLine: (bytes) => encodeMulaw(decodeAlaw(bytes)),
    fromLine: (mulaw) => encodeAlaw(decodeMulaw(mulaw)),
  },
];

/** What the CX93001 lists but this emulator refuses to use: IMA ADPCM and 14 bits. */
export const listedOnly = [
  '129,"IMA ADPCM",4,0,(7200,8000,11025),(0),(0)',
  '133,"14-BIT LINEAR",16,0,(8000),(0),(0)',
] as const;
