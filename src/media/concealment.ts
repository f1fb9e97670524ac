/**
 * ITU-T G.711 Appendix I §I.2: pitch periods of 5 to 15 ms, in 48.75 ms of history. The Appendix compares 20 ms; 10 ms came nearer to the
 * lost speech in our measurements.
 */
const SHORTEST = 40;
const LONGEST = 120;
const COMPARED = 80;
const HISTORY = 390;
/** After each 10 ms of loss one period more is repeated, up to three, so that it does not buzz (§I.2.5). */
const STEP = 80;
const MOST_PERIODS = 3;
/** The sound fades evenly and is gone after 60 ms (§I.2.6 begins after 10 ms; to begin at once came nearer). */
const FADE = 480;
/** What returns is blended with the substitute over a quarter of the period, 4 ms more for each 10 ms lost, 10 ms at most (§I.2.7). */
const BLEND_MORE = 32;
const LONGEST_BLEND = 80;

/**
 * Hides lost sound by waveform substitution (ITU-T G.711 Appendix I): repeats the last pitch periods, fading, and blends into what
 * returns. Unlike the Appendix it delays nothing: the step at the beginning of a loss is faded out within the
 * substitute, where the Appendix blends what would have been played already. Linear, scale of 16 bits.
 */
export class Concealment {
  readonly #history = new Float64Array(HISTORY);
  /** The history when the loss began. */
  readonly #tail = new Float64Array(HISTORY);
  #period = SHORTEST;
  #overlap = SHORTEST >> 2;
  /** Samples of the loss so far; 0 when there is none. */
  #lost = 0;
  #periods = 1;
  #phase = 0;
  /** Where the former, shorter repetition went on: blended into the longer one. */
  #former = -1;
  #formerLeft = 0;
  /** By how much the sound before the loss and what is repeated differ at the seam. */
  #step = 0;
  #blendLeft = 0;
  #blend = 1;

  /** Samples that were made up, since the beginning; the silence after 60 ms is not counted. */
  concealed = 0;

  /** Whether sound that arrives next is changed: the substitute is not over. */
  get active(): boolean {
    return this.#lost > 0;
  }

  /** Takes sound in that arrived. Right after a loss its beginning is blended in place. */
  arrived(samples: Float64Array): void {
    if (this.#lost > 0) this.#blendIn(samples);
    this.#remember(samples);
  }

  /** Fills in for sound that did not arrive. */
  fill(samples: Float64Array): void {
    if (this.#lost === 0 || this.#blendLeft > 0) this.#begin();
    this.concealed += Math.max(0, Math.min(samples.length, FADE - this.#lost));
    for (let i = 0; i < samples.length; i++) samples[i] = this.#next();
    this.#remember(samples);
  }

  #begin(): void {
    this.#lost = 0;
    this.#blendLeft = 0;
    this.#tail.set(this.#history);
    this.#period = pitchOf(this.#tail);
    this.#overlap = this.#period >> 2;
    this.#periods = 1;
    this.#phase = 0;
    this.#formerLeft = 0;
    this.#step = (this.#tail[HISTORY - 1] ?? 0) - (this.#tail[HISTORY - 1 - this.#period] ?? 0);
  }

  #next(): number {
    if (this.#lost > 0 && this.#lost % STEP === 0 && this.#periods < MOST_PERIODS) this.#lengthen();
    let sample = this.#repeated(this.#periods, this.#phase);
    this.#phase = (this.#phase + 1) % (this.#periods * this.#period);
    if (this.#formerLeft > 0) {
      const old = this.#repeated(this.#periods - 1, this.#former);
      this.#former = (this.#former + 1) % ((this.#periods - 1) * this.#period);
      const share = this.#formerLeft-- / (this.#overlap + 1);
      sample += share * (old - sample);
    }
    if (this.#lost < this.#overlap) sample += this.#step * (1 - (this.#lost + 1) / (this.#overlap + 1));
    const gain = Math.max(0, 1 - this.#lost / FADE);
    this.#lost++;
    return sample * gain;
  }

  /** One period more, at the same place within the period. */
  #lengthen(): void {
    this.#former = this.#phase;
    this.#formerLeft = this.#overlap;
    this.#phase %= this.#period;
    this.#periods++;
  }

  /** A sample of the last periods in a circle; before the seam they fade into what stood before them. */
  #repeated(periods: number, phase: number): number {
    const length = periods * this.#period;
    const at = HISTORY - length + phase;
    const sample = this.#tail[at] ?? 0;
    const toSeam = length - phase;
    if (toSeam > this.#overlap) return sample;
    const share = 1 - toSeam / (this.#overlap + 1);
    return sample + share * ((this.#tail[at - length] ?? 0) - sample);
  }

  #blendIn(samples: Float64Array): void {
    if (this.#blendLeft === 0) {
      const more = BLEND_MORE * Math.floor(Math.max(0, this.#lost - 1) / STEP);
      this.#blend = Math.min(LONGEST_BLEND, this.#overlap + more);
      this.#blendLeft = this.#blend;
    }
    for (let i = 0; i < samples.length && this.#blendLeft > 0; i++) {
      const share = this.#blendLeft-- / (this.#blend + 1);
      const real = samples[i] ?? 0;
      samples[i] = real + share * (this.#next() - real);
    }
    if (this.#blendLeft === 0) this.#lost = 0;
  }

  #remember(samples: Float64Array): void {
    if (samples.length >= HISTORY) this.#history.set(samples.subarray(samples.length - HISTORY));
    else {
      this.#history.copyWithin(0, samples.length);
      this.#history.set(samples, HISTORY - samples.length);
    }
  }
}

/** The lag at which the end of a sound is most like what was before, by normalised cross-correlation: coarse first, then fine. */
function pitchOf(sound: Float64Array): number {
  let best = SHORTEST;
  let highest = Number.NEGATIVE_INFINITY;
  const look = (from: number, to: number, step: number) => {
    for (let lag = from; lag <= to; lag += step) {
      const likeness = likenessAt(sound, lag, step);
      if (likeness <= highest) continue;
      highest = likeness;
      best = lag;
    }
  };
  look(SHORTEST, LONGEST, 2);
  const near = best;
  highest = Number.NEGATIVE_INFINITY;
  look(Math.max(SHORTEST, near - 2), Math.min(LONGEST, near + 2), 1);
  return best;
}

function likenessAt(sound: Float64Array, lag: number, step: number): number {
  const start = sound.length - COMPARED;
  let both = 0;
  let power = 1;
  for (let i = start; i < sound.length; i += step) {
    const before = sound[i - lag] ?? 0;
    both += (sound[i] ?? 0) * before;
    power += before * before;
  }
  return both / Math.sqrt(power);
}
