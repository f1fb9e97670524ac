import { SAMPLE_RATE } from '#media/tones.ts';

/** How strong each of a few tones is in a sliding window, out of sums over each hop, which are made once. */
export class ToneGroup {
  readonly #hops: number;
  readonly #tones: readonly { readonly cos: Float64Array; readonly sin: Float64Array }[];
  /** Per tone and hop the correlation, real and imaginary, in a ring. */
  readonly #sums: Float64Array;
  /** What turns the phase of a hop's sum to that of the window's begin. */
  readonly #turns: Float64Array;
  readonly #window: number;
  #next = 0;
  #energy = 0;

  /** Frequencies in Hz; a window is `hops` times `hop` samples. */
  constructor(frequencies: readonly number[], hop: number, hops: number) {
    const turn = (hz: number) => (2 * Math.PI * hz) / SAMPLE_RATE;
    this.#hops = hops;
    this.#window = hop * hops;
    this.#tones = frequencies.map((hz) => ({
      cos: Float64Array.from({ length: hop }, (_, i) => Math.cos(turn(hz) * i)),
      sin: Float64Array.from({ length: hop }, (_, i) => -Math.sin(turn(hz) * i)),
    }));
    this.#sums = new Float64Array(2 * hops * frequencies.length);
    this.#turns = Float64Array.from({ length: 2 * hops * frequencies.length }, (_, i) => {
      const angle = turn(frequencies[Math.floor(i / (2 * hops))] ?? 0) * hop * ((i >> 1) % hops);
      return i % 2 === 0 ? Math.cos(angle) : -Math.sin(angle);
    });
  }

  push(hop: Float64Array): void {
    for (let tone = 0; tone < this.#tones.length; tone++) {
      const table = this.#tones[tone];
      if (table === undefined) return;
      const { cos, sin } = table;
      let re = 0;
      let im = 0;
      for (let i = 0; i < hop.length; i++) {
        const sample = hop[i] ?? 0;
        re += sample * (cos[i] ?? 0);
        im += sample * (sin[i] ?? 0);
      }
      const at = 2 * (this.#hops * tone + this.#next);
      this.#sums[at] = re;
      this.#sums[at + 1] = im;
    }
    this.#next = (this.#next + 1) % this.#hops;
  }

  /** The index of the strongest tone of the last window; `energy` is that of a sine there, as the sum of its squared samples. */
  strongest(): number {
    let best = 0;
    this.#energy = -1;
    for (let tone = 0; tone < this.#tones.length; tone++) {
      const energy = this.#energyOf(tone);
      if (energy <= this.#energy) continue;
      this.#energy = energy;
      best = tone;
    }
    return best;
  }

  get energy(): number {
    return this.#energy;
  }

  #energyOf(tone: number): number {
    let re = 0;
    let im = 0;
    for (let hop = 0; hop < this.#hops; hop++) {
      const sum = 2 * (this.#hops * tone + ((this.#next + hop) % this.#hops));
      const turn = 2 * (this.#hops * tone + hop);
      const a = this.#sums[sum] ?? 0;
      const b = this.#sums[sum + 1] ?? 0;
      const c = this.#turns[turn] ?? 0;
      const d = this.#turns[turn + 1] ?? 0;
      re += a * c - b * d;
      im += a * d + b * c;
    }
    return ((re * re + im * im) * 2) / this.#window;
  }
}
