import { SAMPLE_RATE } from '#media/tones.ts';

/** One sine found in a window. */
export interface FoundTone {
  /** How far it lies from the frequency looked for, Hz. */
  readonly offset: number;
  /** Its energy within the window: the sum of its squared samples. */
  readonly energy: number;
}

export interface TonePair {
  readonly low: FoundTone;
  readonly high: FoundTone;
  /** Share of the window's energy that both sines explain together, 0 to 1. */
  readonly share: number;
}

/** Correlation of samples with a sine and a cosine. */
interface Phasor {
  re: number;
  im: number;
}

/**
 * Fits one sine or two to a window by least squares, their frequencies being known to a few percent only. Each is fitted with the other
 * one taken away, since in so short a window they lean on each other. The frequency comes from how the phase moves between the
 * halves of the window, so it is unambiguous within ±(1 / half a window): ±50 Hz for 20 ms.
 */
export class ToneFitter {
  readonly #work: Float64Array;
  readonly #first: Phasor = { re: 0, im: 0 };
  readonly #second: Phasor = { re: 0, im: 0 };

  /** `length` is the window's, in samples; even. */
  constructor(length: number) {
    this.#work = new Float64Array(length);
  }

  fit(window: Float64Array, lowHz: number, highHz: number): TonePair {
    const work = this.#work;
    work.set(window);
    let total = 0;
    for (let i = 0; i < work.length; i++) total += (work[i] ?? 0) ** 2;
    const lowOffset = this.#offsetOf(lowHz);
    const rough = this.#take(lowHz + lowOffset);
    const highOffset = this.#offsetOf(highHz);
    const high = this.#take(highHz + highOffset);
    this.#give(lowHz + lowOffset, rough);
    const offset = this.#offsetOf(lowHz);
    const low = this.#take(lowHz + offset);
    let left = 0;
    for (let i = 0; i < work.length; i++) left += (work[i] ?? 0) ** 2;
    return {
      low: { offset, energy: this.#energyOf(low) },
      high: { offset: highOffset, energy: this.#energyOf(high) },
      share: total > 0 ? Math.max(0, 1 - left / total) : 0,
    };
  }

  /** One sine alone, and the share of the window's energy that it explains. */
  fitOne(window: Float64Array, hz: number): FoundTone & { readonly share: number } {
    const work = this.#work;
    work.set(window);
    let total = 0;
    for (let i = 0; i < work.length; i++) total += (work[i] ?? 0) ** 2;
    const offset = this.#offsetOf(hz);
    this.#correlate(hz + offset, 0, work.length, this.#first);
    const energy = ((this.#first.re ** 2 + this.#first.im ** 2) * 2) / work.length;
    return { offset, energy, share: total > 0 ? energy / total : 0 };
  }

  #offsetOf(frequency: number): number {
    const half = this.#work.length >> 1;
    this.#correlate(frequency, 0, half, this.#first);
    this.#correlate(frequency, half, 2 * half, this.#second);
    const { re: a, im: b } = this.#first;
    const { re: c, im: d } = this.#second;
    return (Math.atan2(d * a - c * b, c * a + d * b) * SAMPLE_RATE) / (2 * Math.PI * half);
  }

  /** Takes a sine of this frequency away and returns its amplitude, complex: the conjugate of what `correlate` sums, scaled. */
  #take(frequency: number): Phasor {
    const amplitude = { re: 0, im: 0 };
    this.#correlate(frequency, 0, this.#work.length, amplitude);
    amplitude.re *= 2 / this.#work.length;
    amplitude.im *= 2 / this.#work.length;
    this.#add(frequency, amplitude, -1);
    return amplitude;
  }

  #give(frequency: number, amplitude: Phasor): void {
    this.#add(frequency, amplitude, 1);
  }

  #add(frequency: number, amplitude: Phasor, sign: number): void {
    const work = this.#work;
    const turn = (2 * Math.PI * frequency) / SAMPLE_RATE;
    const stepRe = Math.cos(turn);
    const stepIm = Math.sin(turn);
    let re = sign * amplitude.re;
    let im = sign * amplitude.im;
    for (let i = 0; i < work.length; i++) {
      work[i] = (work[i] ?? 0) + re;
      const next = re * stepRe - im * stepIm;
      im = re * stepIm + im * stepRe;
      re = next;
    }
  }

  #correlate(frequency: number, from: number, to: number, into: Phasor): void {
    const work = this.#work;
    const turn = (2 * Math.PI * frequency) / SAMPLE_RATE;
    const stepRe = Math.cos(turn);
    const stepIm = -Math.sin(turn);
    let re = Math.cos(turn * from);
    let im = -Math.sin(turn * from);
    let sumRe = 0;
    let sumIm = 0;
    for (let i = from; i < to; i++) {
      const sample = work[i] ?? 0;
      sumRe += sample * re;
      sumIm += sample * im;
      const next = re * stepRe - im * stepIm;
      im = re * stepIm + im * stepRe;
      re = next;
    }
    into.re = sumRe;
    into.im = sumIm;
  }

  #energyOf({ re, im }: Phasor): number {
    return ((re * re + im * im) * this.#work.length) / 2;
  }
}
