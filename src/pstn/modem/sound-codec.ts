import { alawToMulaw, linearOf, MULAW_SILENCE, mulawOf, mulawToAlaw } from '#media/g711.ts';
import type { Coding } from '#pstn/modem/profiles/schema.ts';

/** Sound between the modem's coding and mu-law. One direction of one call at a time, since half a sample may wait for its rest. */
export interface SoundCodec {
  /** Mu-law of what the modem sent; a sample cut in two is completed by the next piece. */
  decode(bytes: Uint8Array): Uint8Array;
  encode(mulaw: Uint8Array): Uint8Array;
  /** A new stream begins: whatever waits is dropped. */
  reset(): void;
}

const same = (bytes: Uint8Array) => bytes;

const unsigned8 = {
  decode: Uint8Array.from({ length: 256 }, (_, byte) => mulawOf((byte - 128) << 8)),
  encode: Uint8Array.from({ length: 256 }, (_, code) => (linearOf(code) >> 8) + 128),
};
/** Two's complement: the same with the sign bit the other way round. */
const signed8 = {
  decode: Uint8Array.from({ length: 256 }, (_, byte) => unsigned8.decode[byte ^ 0x80] ?? MULAW_SILENCE),
  encode: unsigned8.encode.map((byte) => byte ^ 0x80),
};

export function soundCodec(coding: Coding): SoundCodec {
  switch (coding) {
    case 'mulaw':
      return { decode: same, encode: same, reset() {} };
    case 'alaw':
      return { decode: alawToMulaw, encode: mulawToAlaw, reset() {} };
    case 'unsigned-8':
      return byTable(unsigned8);
    case 'signed-8':
      return byTable(signed8);
    case 'linear-16':
      return new Linear16();
  }
}

function byTable({ decode, encode }: { readonly decode: Uint8Array; readonly encode: Uint8Array }): SoundCodec {
  return {
    decode: (bytes) => bytes.map((byte) => decode[byte] ?? MULAW_SILENCE),
    encode: (mulaw) => mulaw.map((code) => encode[code] ?? 0),
    reset() {},
  };
}

/** 16 bits, the lower byte first (ITU-T V.253 §9.1). */
class Linear16 implements SoundCodec {
  #half: number | undefined;

  decode(bytes: Uint8Array): Uint8Array {
    const mulaw = new Uint8Array((bytes.length + (this.#half === undefined ? 0 : 1)) >> 1);
    let out = 0;
    for (const byte of bytes) {
      if (this.#half === undefined) this.#half = byte;
      else {
        mulaw[out++] = mulawOf(((byte << 24) >> 16) | this.#half);
        this.#half = undefined;
      }
    }
    return mulaw;
  }

  encode(mulaw: Uint8Array): Uint8Array {
    const bytes = new Uint8Array(mulaw.length * 2);
    for (const [i, code] of mulaw.entries()) {
      const sample = linearOf(code);
      bytes[2 * i] = sample & 0xff;
      bytes[2 * i + 1] = (sample >> 8) & 0xff;
    }
    return bytes;
  }

  reset(): void {
    this.#half = undefined;
  }
}
