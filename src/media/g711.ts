/** Silence in mu-law: the code of amplitude +0 (ITU-T G.711 table 2). */
export const MULAW_SILENCE = 0xff;

/** Added to 16-bit magnitudes so that the segments start at powers of two, and the largest magnitude that still fits (ITU-T G.711 table 2a). */
const MULAW_BIAS = 0x84;
const MULAW_CLIP = 32_635;

const mulawToLinear = Int16Array.from({ length: 256 }, (_, code) => expandMulaw(code));
const alawToLinear = Int16Array.from({ length: 256 }, (_, code) => expandAlaw(code));
/** One code for each sample at 14 bits (mu-law) or 13 bits (A-law), as both laws ignore the bits below. */
const linearToMulaw = Uint8Array.from({ length: 1 << 14 }, (_, i) => compressMulaw((i << 18) >> 16));
const linearToAlaw = Uint8Array.from({ length: 1 << 13 }, (_, i) => compressAlaw((i << 19) >> 16));
const mulawAsAlaw = Uint8Array.from({ length: 256 }, (_, code) => alawOf(mulawToLinear[code] ?? 0));
const alawAsMulaw = Uint8Array.from({ length: 256 }, (_, code) => mulawOf(alawToLinear[code] ?? 0));

function expandMulaw(code: number): number {
  const inverted = ~code & 0xff;
  const magnitude = ((((inverted & 0x0f) << 3) + MULAW_BIAS) << ((inverted >> 4) & 7)) - MULAW_BIAS;
  return inverted & 0x80 ? -magnitude : magnitude;
}

function compressMulaw(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0;
  const biased = Math.min(Math.abs(sample), MULAW_CLIP) + MULAW_BIAS;
  const segment = 24 - Math.clz32(biased);
  return ~(sign | (segment << 4) | ((biased >> (segment + 3)) & 0x0f)) & 0xff;
}

function expandAlaw(code: number): number {
  const toggled = code ^ 0x55;
  const segment = (toggled >> 4) & 7;
  const mantissa = ((toggled & 0x0f) << 4) + 8;
  const magnitude = segment === 0 ? mantissa : (mantissa + 0x100) << (segment - 1);
  return toggled & 0x80 ? magnitude : -magnitude;
}

function compressAlaw(sample: number): number {
  const sign = sample >= 0 ? 0x80 : 0;
  const magnitude = sample >= 0 ? sample : -sample - 1;
  const segment = magnitude < 0x100 ? 0 : 24 - Math.clz32(magnitude);
  const mantissa = (magnitude >> (segment === 0 ? 4 : segment + 3)) & 0x0f;
  return (sign | (segment << 4) | mantissa) ^ 0x55;
}

/** The mu-law code of one 16-bit linear sample. */
export function mulawOf(sample: number): number {
  return linearToMulaw[(sample >> 2) & 0x3fff] ?? MULAW_SILENCE;
}

function alawOf(sample: number): number {
  return linearToAlaw[(sample >> 3) & 0x1fff] ?? 0xd5;
}

/** The 16-bit linear sample of one mu-law code. */
export function linearOf(code: number): number {
  return mulawToLinear[code & 0xff] ?? 0;
}

/** 16-bit linear samples of mu-law codes. */
export function decodeMulaw(codes: Uint8Array): Int16Array {
  const samples = new Int16Array(codes.length);
  for (let i = 0; i < codes.length; i++) samples[i] = mulawToLinear[codes[i] ?? MULAW_SILENCE] ?? 0;
  return samples;
}

/** Mu-law codes of 16-bit linear samples. */
export function encodeMulaw(samples: Int16Array): Uint8Array {
  const codes = new Uint8Array(samples.length);
  for (let i = 0; i < samples.length; i++) codes[i] = mulawOf(samples[i] ?? 0);
  return codes;
}

/** 16-bit linear samples of A-law codes. */
export function decodeAlaw(codes: Uint8Array): Int16Array {
  const samples = new Int16Array(codes.length);
  for (let i = 0; i < codes.length; i++) samples[i] = alawToLinear[codes[i] ?? 0xd5] ?? 0;
  return samples;
}

/** A-law codes of 16-bit linear samples. */
export function encodeAlaw(samples: Int16Array): Uint8Array {
  const codes = new Uint8Array(samples.length);
  for (let i = 0; i < samples.length; i++) codes[i] = alawOf(samples[i] ?? 0);
  return codes;
}

export function mulawToAlaw(codes: Uint8Array): Uint8Array {
  return codes.map((code) => mulawAsAlaw[code] ?? 0xd5);
}

export function alawToMulaw(codes: Uint8Array): Uint8Array {
  return codes.map((code) => alawAsMulaw[code] ?? MULAW_SILENCE);
}

/** `count` samples of mu-law silence. */
export function silence(count: number): Uint8Array {
  return new Uint8Array(count).fill(MULAW_SILENCE);
}
