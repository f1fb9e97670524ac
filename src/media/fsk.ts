import { encodeMulaw, linearOf } from '#media/g711.ts';
import { peakOfDbm0 } from '#media/level.ts';
import { SAMPLE_RATE } from '#media/tones.ts';
import { Notch } from '#media/voice-band.ts';

/** Bits a second of both standards (Bell 202; ITU-T V.23 mode 2). */
const BIT_RATE = 1200;
const BIT = SAMPLE_RATE / BIT_RATE;

/** The frequencies of a one (mark) and a nought (space), Hz. */
const standards = {
  'bell-202': { mark: 1200, space: 2200 },
  v23: { mark: 1300, space: 2100 },
} as const;

export type FskStandard = keyof typeof standards;

export interface FskMessage {
  readonly standard: FskStandard;
  readonly bytes: Uint8Array;
  /** Noughts and ones by turns before the message, beginning with nought: the channel seizure. */
  readonly seizureBits: number;
  /** Ones between that and the message. */
  readonly markBits: number;
  /** -13 dBm0 when not given. */
  readonly levelDbm0?: number;
}

const DEFAULT_LEVEL_DBM0 = -13;
/** Ones behind the last byte, so that its end is heard. */
const TAIL_BITS = 10;

/** Bytes as sound, mu-law: each as a start bit, eight bits from the lowest on, and a stop bit (ETSI EN 300 659-1 §6.2). */
export function fskSound(message: FskMessage): Uint8Array {
  const { mark, space } = standards[message.standard];
  const bits: number[] = Array.from({ length: message.seizureBits }, (_, i) => i % 2);
  for (let i = 0; i < message.markBits; i++) bits.push(1);
  for (const byte of message.bytes) {
    bits.push(0);
    for (let i = 0; i < 8; i++) bits.push((byte >> i) & 1);
    bits.push(1);
  }
  for (let i = 0; i < TAIL_BITS; i++) bits.push(1);
  const peak = peakOfDbm0(message.levelDbm0 ?? DEFAULT_LEVEL_DBM0);
  const samples = new Int16Array(Math.ceil(bits.length * BIT));
  let phase = 0;
  for (let i = 0; i < samples.length; i++) {
    samples[i] = Math.round(peak * Math.sin(2 * Math.PI * phase));
    phase = (phase + (bits[Math.floor(i / BIT)] === 0 ? space : mark) / SAMPLE_RATE) % 1;
  }
  return encodeMulaw(samples);
}

/** Told of what is heard. */
export interface FskListener {
  /** A byte, and how many bits of pure mark lay before its start bit. */
  byte(value: number, markBits: number): void;
  /** The sound is gone, or is not what a modem sends. */
  lost(): void;
}

/** Between the frequencies of both standards: with windows of one bit 50 Hz more or less are nothing. */
const MARK = 1250;
const SPACE = 2150;
/** Window of the correlators: a bit and a fifth, which is steadier than the bit alone. */
const WINDOW = 8;
/** Below this, Hz, lies nothing of the signal. */
const LOWEST = 600;
/** Weakest signal taken, dBm0, and the time over which it is measured: 4 ms. */
const MIN_DBM0 = -41;
const POWER_SHARE = 1 / 32;
/**
 * From where both correlators are equal to the middle of the start bit. That lies a little behind the edge, since their energies and not their amplitudes are
 * compared; with this much clocks may be off by 3 % either way.
 */
const START_CHECK = BIT / 2.2;

/**
 * Hears bytes in asynchronous FSK of Bell 202 or V.23 at 1200 bit/s, at any level. Each byte is timed by its own start bit, so clocks may differ
 * by a few percent.
 */
export class FskReceiver {
  readonly #listener: FskListener;
  readonly #highPass = new Notch(0, LOWEST);
  readonly #history = new Float64Array(WINDOW);
  readonly #tables = [MARK, SPACE].map((hz) => ({
    cos: Float64Array.from({ length: WINDOW }, (_, i) => Math.cos((2 * Math.PI * hz * i) / SAMPLE_RATE)),
    sin: Float64Array.from({ length: WINDOW }, (_, i) => Math.sin((2 * Math.PI * hz * i) / SAMPLE_RATE)),
  }));
  readonly #minPower = peakOfDbm0(MIN_DBM0) ** 2 / 2;
  #power = 0;
  #carrier = false;
  /** Above 0 for mark, below for space; of this sample and the last one. */
  #tone = 0;
  #before = 0;
  #markSamples = 0;
  /** Samples until the next bit is read; undefined between bytes. */
  #next: number | undefined;
  #bit = 0;
  #value = 0;

  constructor(listener: FskListener) {
    this.#listener = listener;
  }

  push(codes: Uint8Array): void {
    for (let i = 0; i < codes.length; i++) this.#sample(this.#highPass.filter(linearOf(codes[i] ?? 0)));
  }

  #sample(sample: number): void {
    this.#power += POWER_SHARE * (sample * sample - this.#power);
    this.#history.copyWithin(0, 1);
    this.#history[WINDOW - 1] = sample;
    if (this.#power < this.#minPower) {
      if (this.#carrier) this.#lose();
      this.#carrier = false;
      return;
    }
    this.#carrier = true;
    this.#before = this.#tone;
    this.#tone = this.#correlate(0) - this.#correlate(1);
    if (this.#next === undefined) this.#await();
    else {
      this.#next--;
      if (this.#next <= 0) this.#read(this.#next);
    }
  }

  #await(): void {
    if (this.#tone >= 0) {
      this.#markSamples++;
      return;
    }
    if (this.#before < 0) {
      this.#markSamples = 0;
      return;
    }
    // Where the line between both samples crosses zero the start bit began.
    const ago = this.#tone / (this.#tone - this.#before);
    this.#next = START_CHECK - ago;
    this.#bit = 0;
    this.#value = 0;
  }

  /** `late` is by how much the sample lies behind the middle of the bit, as a negative number. */
  #read(late: number): void {
    // Half a sample earlier or later: the value in between.
    const one = this.#tone * (1 + late) - this.#before * late > 0;
    const bit = this.#bit++;
    this.#next = BIT + late;
    if (bit === 0) {
      if (!one) return;
      this.#next = undefined;
      this.#markSamples = 0;
    } else if (bit <= 8) this.#value |= one ? 1 << (bit - 1) : 0;
    else {
      const markBits = Math.round(this.#markSamples / BIT);
      this.#next = undefined;
      this.#markSamples = 0;
      if (one) this.#listener.byte(this.#value, markBits);
      else this.#listener.lost();
      // The next start bit may have begun between the middle of the stop bit and this sample.
      this.#await();
    }
  }

  #lose(): void {
    this.#next = undefined;
    this.#markSamples = 0;
    this.#tone = 0;
    this.#listener.lost();
  }

  #correlate(which: 0 | 1): number {
    const table = this.#tables[which];
    if (table === undefined) return 0;
    let re = 0;
    let im = 0;
    for (let i = 0; i < WINDOW; i++) {
      const sample = this.#history[i] ?? 0;
      re += sample * (table.cos[i] ?? 0);
      im += sample * (table.sin[i] ?? 0);
    }
    return re * re + im * im;
  }
}
