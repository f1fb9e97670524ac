import { linearOf } from '#media/g711.ts';
import { peakOfDbm0 } from '#media/level.ts';
import { ToneFitter } from '#media/tone-fitter.ts';
import { Notch } from '#media/voice-band.ts';

/** `calling` is CNG, of a fax machine that calls; `answer` is CED, of a fax machine or modem that answers. */
export type FaxTone = 'calling' | 'answer';

interface Shape {
  readonly tone: FaxTone;
  readonly hz: number;
  /** Deviation of the frequency that is allowed, Hz. */
  readonly within: number;
  /** The burst must have lasted so long, ms. */
  readonly minMs: number;
  /** And must be over by then, with this pause behind it; undefined when it is told as soon as it has lasted long enough. */
  readonly end: { readonly maxMs: number; readonly pauseMs: number } | undefined;
}

/**
 * ITU-T T.30 §4.1.1: CNG is 1100 Hz ± 38 Hz, 0.5 s on and 3 s off, each ± 15 %. §4.1.2: CED is 2100 Hz ± 15 Hz for 2.6 to 4 s, in which ITU-T V.25 and V.8 turn
 * the phase each 450 ms. Lengths and frequencies are measured with some slack.
 */
const SHAPES: readonly Shape[] = [
  { tone: 'calling', hz: 1100, within: 44, minMs: 400, end: { maxMs: 640, pauseMs: 200 } },
  { tone: 'answer', hz: 2100, within: 24, minMs: 700, end: undefined },
];

/** 20 ms. */
const WINDOW = 160;
const WINDOW_MS = 20;
/** Weakest tone that is taken, dBm0 (ITU-T T.30 asks for -43 dBm at the line). */
const MIN_ENERGY = (WINDOW / 2) * peakOfDbm0(-43) ** 2;
/** Share of the energy that lies in the tone: 10 dB above the noise; a voice comes near that for moments only. */
const MIN_SHARE = 0.85;
/** A turn of the phase spoils two windows at most. */
const MAX_GAP_MS = 40;
/** Below this, Hz, lie DC and mains hum. */
const LOWEST = 300;

/** Hears that a fax machine is on the line. Each tone is told once. */
export class FaxToneDetector {
  readonly #onTone: (tone: FaxTone) => void;
  readonly #highPass = new Notch(0, LOWEST);
  readonly #fitter = new ToneFitter(WINDOW);
  readonly #window = new Float64Array(WINDOW);
  readonly #bursts = SHAPES.map((shape) => new Burst(shape));
  #filled = 0;

  constructor(onTone: (tone: FaxTone) => void) {
    this.#onTone = onTone;
  }

  /** Mu-law sound, in pieces of any size. */
  push(codes: Uint8Array): void {
    for (let i = 0; i < codes.length; i++) {
      this.#window[this.#filled++] = this.#highPass.filter(linearOf(codes[i] ?? 0));
      if (this.#filled < WINDOW) continue;
      this.#filled = 0;
      this.#look();
    }
  }

  #look(): void {
    let energy = 0;
    for (let i = 0; i < WINDOW; i++) energy += (this.#window[i] ?? 0) ** 2;
    for (const burst of this.#bursts) {
      if (burst.told) continue;
      const holds = energy >= MIN_ENERGY && this.#holds(burst.shape);
      if (burst.advance(holds)) this.#onTone(burst.shape.tone);
    }
  }

  #holds({ hz, within }: Shape): boolean {
    const { share, offset } = this.#fitter.fitOne(this.#window, hz);
    return share >= MIN_SHARE && Math.abs(offset) <= within;
  }
}

/** Times one tone. */
class Burst {
  readonly shape: Shape;
  told = false;
  #ms = 0;
  #gapMs = 0;

  constructor(shape: Shape) {
    this.shape = shape;
  }

  /** One window more, with the tone in it or without; true when that makes the tone known. */
  advance(holds: boolean): boolean {
    const { minMs, end } = this.shape;
    if (holds) {
      this.#ms += this.#gapMs <= MAX_GAP_MS ? this.#gapMs + WINDOW_MS : 0;
      if (this.#gapMs > MAX_GAP_MS) this.#ms = WINDOW_MS;
      this.#gapMs = 0;
      if (end === undefined && this.#ms >= minMs) this.told = true;
      return this.told;
    }
    if (this.#ms === 0) return false;
    this.#gapMs += WINDOW_MS;
    if (end === undefined ? this.#gapMs <= MAX_GAP_MS : this.#gapMs < end.pauseMs) return false;
    this.told = end !== undefined && this.#ms >= minMs && this.#ms <= end.maxMs;
    this.#ms = 0;
    this.#gapMs = 0;
    return this.told;
  }
}
