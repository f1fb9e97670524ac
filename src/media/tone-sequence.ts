import { encodeMulaw, silence } from '#media/g711.ts';
import { peakOfDbm0 } from '#media/level.ts';
import { SAMPLE_RATE } from '#media/tones.ts';

/** One piece of a tone: its frequencies in Hz, none for silence, and its length in ms; Infinity for one that never ends. */
export interface ToneStep {
  readonly frequencies: readonly number[];
  readonly ms: number;
  /** The tone swells and fades so often a second, as some ringing and dial tones do (400 × 25 in ITU-T E.180 supplement 2). */
  readonly modulationHz?: number;
}

/** A tone with its cadence, as prompts and exchanges play it. */
export interface ToneSequenceOptions {
  readonly steps: readonly ToneStep[];
  /** How often the steps are played; for ever when not given. Silence follows. */
  readonly times?: number;
  /** Of each frequency. -13 dBm0 when not given. */
  readonly levelDbm0?: number;
}

/** Within what ITU-T E.180 §4 gives for tones at the exchange: -5 to -15 dBm0. */
const DEFAULT_LEVEL_DBM0 = -13;
/** How far a modulated tone swells and fades. No recommendation gives it; from about here on it is heard as what it should be. */
const MODULATION_DEPTH = 0.9;
/** 5 ms from nothing to the whole amplitude and back: an edge that fast sounds sharp and does not click. */
const RAMP = (5 * SAMPLE_RATE) / 1000;

interface SampledStep {
  readonly frequencies: readonly number[];
  readonly modulationHz: number;
  readonly samples: number;
}

/**
 * A tone that comes and goes by a plan, click-free: each burst rises and falls within its own length. The pieces asked
 * for may have any size; the sound is the same.
 */
export class ToneSequence {
  readonly #steps: readonly SampledStep[];
  readonly #peak: number;
  #timesLeft: number;
  #step = 0;
  #at = 0;

  constructor(options: ToneSequenceOptions) {
    this.#steps = options.steps
      .map(({ frequencies, ms, modulationHz = 0 }) => ({
        frequencies,
        modulationHz,
        samples: Math.round((ms * SAMPLE_RATE) / 1000),
      }))
      .filter(({ samples }) => samples > 0);
    this.#peak = peakOfDbm0(options.levelDbm0 ?? DEFAULT_LEVEL_DBM0);
    this.#timesLeft = this.#steps.length === 0 ? 0 : (options.times ?? Number.POSITIVE_INFINITY);
  }

  /** Whether all is played: nothing but silence follows. */
  get over(): boolean {
    return this.#timesLeft <= 0;
  }

  /** The next `count` samples, 16-bit linear. */
  nextLinear(count: number): Int16Array {
    const out = new Int16Array(count);
    for (let at = 0; at < count && !this.over; ) {
      const step = this.#steps[this.#step];
      if (step === undefined) break;
      const piece = Math.min(count - at, step.samples - this.#at);
      if (step.frequencies.length > 0) this.#fill(out.subarray(at, at + piece), step);
      at += piece;
      this.#at += piece;
      if (this.#at >= step.samples) this.#advance();
    }
    return out;
  }

  /** The next `count` samples in mu-law. */
  next(count: number): Uint8Array {
    return this.over ? silence(count) : encodeMulaw(this.nextLinear(count));
  }

  #advance(): void {
    this.#at = 0;
    this.#step++;
    if (this.#step < this.#steps.length) return;
    this.#step = 0;
    this.#timesLeft--;
  }

  #fill(out: Int16Array, { frequencies, modulationHz, samples: whole }: SampledStep): void {
    const ramp = Math.min(RAMP, whole / 2);
    for (let i = 0; i < out.length; i++) {
      const position = this.#at + i;
      let sum = 0;
      for (const frequency of frequencies) sum += sineAt(frequency, position);
      if (modulationHz > 0) sum *= 1 + MODULATION_DEPTH * sineAt(modulationHz, position);
      const edge = Math.min(position + 0.5, whole - position - 0.5);
      const gain = edge < ramp ? 0.5 - 0.5 * Math.cos((Math.PI * edge) / ramp) : 1;
      out[i] = Math.max(-32_768, Math.min(32_767, Math.round(sum * this.#peak * gain)));
    }
  }
}

/** Takes the whole turns out first, so that hours of tone stay as exact as its first second. */
function sineAt(frequency: number, sample: number): number {
  const turns = (frequency * sample) / SAMPLE_RATE;
  return Math.sin(2 * Math.PI * (turns - Math.floor(turns)));
}

/** A tone of one set of frequencies with its cadence in ms, on and off by turns; an empty cadence is a steady tone. */
export function cadenced(
  frequencies: readonly number[],
  cadence: readonly number[],
  modulationHz = 0,
): readonly ToneStep[] {
  if (cadence.length === 0) return [{ frequencies, modulationHz, ms: Number.POSITIVE_INFINITY }];
  return cadence.map((ms, i) => (i % 2 === 0 ? { frequencies, modulationHz, ms } : { frequencies: [], ms }));
}
