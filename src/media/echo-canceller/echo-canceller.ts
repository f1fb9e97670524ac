import { AdaptiveFilter, type Cancelled } from '#media/echo-canceller/adaptive-filter.ts';
import { BulkDelay } from '#media/echo-canceller/bulk-delay.ts';
import { BLOCK, FRAME, PARTITIONS } from '#media/echo-canceller/frame.ts';
import { ResidualSuppressor } from '#media/echo-canceller/residual.ts';

export interface EchoStatistics {
  /** Between what is played and its echo; undefined until it was found. */
  readonly delayMs: number | undefined;
  /** How much fainter the echo became, in dB, by the linear filter alone; a mean over the last seconds with echo. */
  readonly erleDb: number;
}

export interface EchoCancellerOptions {
  /** Whether what the filter leaves is suppressed too. */
  readonly suppress: boolean;
}

/** The filter begins so much before the strongest part of the echo: 6 ms. */
const BEFORE_PEAK = 48;
/** A peak that wanders between 2 and 18 ms behind the beginning is still well covered, and the filter stays where it is. */
const MARGIN_BEFORE = 16;
const MARGIN_BEHIND = 144;
/** The shortest delay, 20 ms: what was played in the same moment is not known yet. */
const MIN_DELAY = 160;
/** Samples of the reference kept, a power of two above the longest delay, the filter and a piece. */
const HISTORY = 1 << 13;
/** At most so many samples may be given at once. */
export const LONGEST_PIECE = 80;
/** So much more silence than was handed over (0.5 s) is followed; behind a longer one the echo is looked for anew. */
const LONGEST_PAUSE = 4000;
const SILENCE = new Float64Array(LONGEST_PIECE);
/** ERLE is a mean over about 2 s of blocks whose echo stands above this mean power (16-bit samples). */
const ERLE_RATE = 0.004;
const AUDIBLE = 60 ** 2;

/**
 * Removes from what a telephone line brings the echo of what was played to it, which the hybrids on its way send back
 * (ITU-T G.168). The delay between both is unknown and may jump: it is looked for all the time. Linear sound in the
 * scale of 16 bits, at 8000 samples a second. Costs a delay of 16 ms.
 */
export class EchoCanceller {
  readonly #options: EchoCancellerOptions;
  readonly #delay = new BulkDelay();
  readonly #filter = new AdaptiveFilter();
  readonly #suppressor = new ResidualSuppressor();
  readonly #history = new Float64Array(HISTORY);
  #played = 0;
  /** Cleaned, and not answered by what was played yet. */
  #unanswered = 0;
  /** By how much less was played than heard since the beginning; negative when it was more. */
  #leftOut = 0;
  readonly #heard = new Float64Array(BLOCK);
  #filled = 0;
  #blocks = 0;
  readonly #frame = new Float64Array(FRAME);
  readonly #out = new Float64Array(BLOCK);
  /**
   * Where the filter begins, in samples before what is heard, counted from the beginning of both: by this count an echo stays where it is
   * when some of the reference is left out or silence comes between. undefined: the delay is not known.
   */
  #start: number | undefined;
  readonly #untouched: Cancelled = { echo: new Float64Array(BLOCK), rest: new Float64Array(BLOCK) };
  #heardPower = 0;
  #restPower = 0;

  constructor(options: EchoCancellerOptions = { suppress: true }) {
    this.#options = options;
  }

  get statistics(): EchoStatistics {
    const delay = this.#delay.delay;
    return {
      delayMs: delay === undefined ? undefined : delay / 8,
      erleDb: this.#restPower > 0 ? 10 * Math.log10(this.#heardPower / this.#restPower) : 0,
    };
  }

  /** Cleans up to LONGEST_PIECE samples in place. What was played in the same moment follows by `played`. */
  cancel(samples: Float64Array): void {
    this.#unanswered += samples.length;
    this.#delay.pushHeard(samples);
    for (let i = 0; i < samples.length; i++) {
      const cleaned = this.#out[this.#filled] ?? 0;
      this.#heard[this.#filled++] = samples[i] ?? 0;
      samples[i] = cleaned;
      if (this.#filled === BLOCK) this.#block();
    }
  }

  /** As many samples as were cleaned before, as they went to the line, or fewer where some were left out. */
  played(samples: Float64Array): void {
    const leftOut = this.#unanswered - samples.length;
    this.#unanswered = 0;
    if (leftOut > 0) this.#leaveOut(leftOut);
    this.#remember(samples);
    if (this.#delay.pushReference(samples)) this.#aim();
  }

  /** Whatever plays had nothing to play for so many samples: what follows is later by as much, and so is its echo. */
  paused(samples: number): void {
    if (samples - this.#leftOut > LONGEST_PAUSE) return;
    for (let at = 0; at < samples; at += LONGEST_PIECE) {
      const silence = SILENCE.subarray(0, samples - at);
      this.#remember(silence);
      this.#delay.addReference(silence);
    }
    this.#leftOut -= samples;
    this.#delay.shift(samples);
  }

  #remember(samples: Float64Array): void {
    for (let i = 0; i < samples.length; i++) this.#history[this.#played++ & (HISTORY - 1)] = samples[i] ?? 0;
  }

  #leaveOut(samples: number): void {
    this.#leftOut += samples;
    this.#delay.shift(-samples);
    // An echo can't come so soon: the delay has grown, and by how much is not found yet.
    if (this.#start === undefined || this.#start >= this.#leftOut + MIN_DELAY) return;
    this.#start = undefined;
    this.#delay.lose();
  }

  #block(): void {
    this.#filled = 0;
    this.#blocks++;
    const cancelled = this.#start === undefined ? this.#pass() : this.#cancel(this.#start);
    if (this.#options.suppress) this.#suppressor.process(cancelled, this.#out);
    else this.#out.set(cancelled.rest);
  }

  #cancel(start: number): Cancelled {
    this.#load(this.#blocks * BLOCK - start);
    const cancelled = this.#filter.process(this.#frame, this.#heard);
    this.#measure(cancelled);
    return cancelled;
  }

  #pass(): Cancelled {
    this.#untouched.rest.set(this.#heard);
    return this.#untouched;
  }

  /** The frame of the reference that ends at a sample count. */
  #load(end: number): void {
    for (let i = 0; i < FRAME; i++) this.#frame[i] = this.#history[(end - FRAME + i) & (HISTORY - 1)] ?? 0;
  }

  /** The delay is another one: the filter's view of the reference moves there; what it learnt of the echo's shape stays. */
  #aim(): void {
    const lag = this.#delay.delay;
    if (lag === undefined) return;
    const delay = lag + this.#leftOut;
    const nearest = this.#leftOut + MIN_DELAY;
    const before = this.#start;
    if (before !== undefined && delay >= before + MARGIN_BEFORE && delay <= before + MARGIN_BEHIND) return;
    const start = Math.max(nearest, delay - BEFORE_PEAK);
    this.#start = start;
    for (let back = PARTITIONS - 1; back >= 0; back--) {
      this.#load((this.#blocks - back) * BLOCK - start);
      this.#filter.load(this.#frame);
    }
    this.#filter.relearn();
    this.#suppressor.restart();
  }

  #measure({ echo, rest }: Cancelled): void {
    let echoPower = 0;
    let restPower = 0;
    let heardPower = 0;
    for (let i = 0; i < BLOCK; i++) {
      echoPower += (echo[i] ?? 0) ** 2;
      restPower += (rest[i] ?? 0) ** 2;
      heardPower += (this.#heard[i] ?? 0) ** 2;
    }
    // Blocks in which mostly the near end is heard say nothing of the echo.
    if (echoPower < AUDIBLE * BLOCK || echoPower < heardPower / 2) return;
    this.#heardPower += ERLE_RATE * (heardPower - this.#heardPower);
    this.#restPower += ERLE_RATE * (restPower - this.#restPower);
  }
}
