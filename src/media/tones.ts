import { encodeMulaw } from '#media/g711.ts';

/** Samples a second of everything on a telephone line. */
export const SAMPLE_RATE = 8000;

/** Amplitude of each sine by default: about -9 dBm0, so that two together do not clip. */
const DEFAULT_AMPLITUDE = 8000;

/** A sum of sines. Phases run on from piece to piece, so that any piece size gives the same sound. */
export class ToneGenerator {
  readonly #frequencies: readonly number[];
  readonly #amplitude: number;
  #position = 0;

  /** Frequencies in Hz below 4000; `amplitude` is the peak of each sine, of 32767. */
  constructor(frequencies: readonly number[], amplitude: number = DEFAULT_AMPLITUDE) {
    this.#frequencies = frequencies;
    this.#amplitude = amplitude;
  }

  /** The next `count` samples, 16-bit linear. */
  nextLinear(count: number): Int16Array {
    const samples = new Int16Array(count);
    for (let i = 0; i < count; i++) {
      let sum = 0;
      for (const frequency of this.#frequencies) sum += Math.sin(phaseAt(frequency, this.#position + i));
      samples[i] = Math.max(-32_768, Math.min(32_767, Math.round(sum * this.#amplitude)));
    }
    this.#position += count;
    return samples;
  }

  /** The next `count` samples in mu-law. */
  next(count: number): Uint8Array {
    return encodeMulaw(this.nextLinear(count));
  }
}

/** Takes the whole turns out first, so that hours of tone stay as exact as its first second. */
function phaseAt(frequency: number, sample: number): number {
  const turns = (frequency * sample) / SAMPLE_RATE;
  return 2 * Math.PI * (turns - Math.floor(turns));
}
