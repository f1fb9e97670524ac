import { linearOf, mulawOf } from '#media/g711.ts';
import { peakOfDbm0 } from '#media/level.ts';

/** How the transformer between two wires and four answers: decaying resonances, in samples, Hz and share. */
interface Resonance {
  readonly start: number;
  readonly decay: number;
  readonly hz: number;
  readonly share: number;
}

/**
 * Echo paths of the kind that ITU-T G.168 Annex D models: short and long, with one and with several reflections. The parameters
 * are our own.
 */
const SHAPES = {
  short: [
    { start: 3, decay: 6, hz: 500, share: 1 },
    { start: 5, decay: 10, hz: 1800, share: -0.8 },
    { start: 12, decay: 20, hz: 900, share: 0.3 },
  ],
  dispersive: [
    { start: 10, decay: 12, hz: 700, share: 1 },
    { start: 20, decay: 15, hz: 2200, share: -0.7 },
    { start: 40, decay: 25, hz: 400, share: 0.35 },
  ],
  double: [
    { start: 2, decay: 3, hz: 1200, share: 1 },
    { start: 30, decay: 20, hz: 600, share: 0.5 },
    { start: 70, decay: 20, hz: 1500, share: 0.25 },
  ],
  late: [
    { start: 16, decay: 30, hz: 350, share: 1 },
    { start: 22, decay: 8, hz: 2600, share: -1 },
  ],
} as const satisfies Record<string, readonly Resonance[]>;

export type HybridShape = keyof typeof SHAPES;
export const hybridShapes = ['short', 'dispersive', 'double', 'late'] as const satisfies readonly HybridShape[];

export interface HybridOptions {
  readonly shape: HybridShape;
  /** Echo return loss for white noise. */
  readonly erlDb: number;
}

/** 20 ms. */
const TAPS = 160;

/** The impulse response of an echo path, at 8000 samples a second. */
export function hybridResponse({ shape, erlDb }: HybridOptions): Float64Array {
  const taps = new Float64Array(TAPS);
  for (const { start, decay, hz, share } of SHAPES[shape]) {
    for (let n = start; n < TAPS; n++) {
      taps[n] =
        (taps[n] ?? 0) + share * Math.exp((start - n) / decay) * Math.cos((2 * Math.PI * hz * (n - start)) / 8000);
    }
  }
  const gain = Math.sqrt(taps.reduce((sum, tap) => sum + tap * tap, 0));
  return taps.map((tap) => (tap / gain) * 10 ** (-erlDb / 20));
}

/** What a line adds to what it brings: the echo of what the subscriber sends, and noise. Mu-law. */
export class Hybrid {
  readonly #taps: Float64Array | undefined;
  readonly #noise: number;
  readonly #sent = new Float64Array(TAPS);
  #at = 0;
  #seed = 1;

  /** `noiseDbm0` is the level of white noise. */
  constructor(echo: HybridOptions | undefined, noiseDbm0: number | undefined) {
    this.#taps = echo && hybridResponse(echo);
    // Uniform noise between -a and a has the power a²/3, a sine of peak p has p²/2.
    this.#noise = noiseDbm0 === undefined ? 0 : peakOfDbm0(noiseDbm0) * Math.sqrt(1.5);
  }

  /** Mixes into what comes from the far end, in place; both are equally long. */
  add(sent: Uint8Array, received: Uint8Array): void {
    for (let i = 0; i < received.length; i++) {
      const sum =
        linearOf(received[i] ?? 0xff) + this.#echoOf(linearOf(sent[i] ?? 0xff)) + this.#noise * this.#random();
      received[i] = mulawOf(Math.max(-32_768, Math.min(32_767, Math.round(sum))));
    }
  }

  #echoOf(sample: number): number {
    const taps = this.#taps;
    if (!taps) return 0;
    this.#at = (this.#at + 1) % TAPS;
    this.#sent[this.#at] = sample;
    let sum = 0;
    for (let tap = 0; tap < TAPS; tap++) sum += (taps[tap] ?? 0) * (this.#sent[(this.#at - tap + TAPS) % TAPS] ?? 0);
    return sum;
  }

  /** Between -1 and 1; the same each time. */
  #random(): number {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) | 0;
    return this.#seed / 2 ** 31;
  }
}
