import { linearOf, MULAW_SILENCE, mulawOf } from '#media/g711.ts';

/** Samples; a power of two, a good two seconds. */
const CAPACITY = 1 << 14;
/** One correction: 10 ms. */
const PIECE = 80;
/** Sound gathered before the first sample is played. */
const PREFILL = 320;
/** How early the latest packet of the last seconds should have come: 20 ms. */
const MARGIN = 160;
/** A packet with less time to spare than this makes the buffer repeat a piece. */
const LOW_MARGIN = 40;
/** More sound than this waiting (600 ms) is cut at once. */
const MAX_LEVEL = 4800;
/** One packet that came later still makes the delay grow by this much (200 ms) and no more. */
const LATEST = 1600;
/** The time to spare is remembered for ten seconds, in buckets of one second. */
const BUCKET = 8000;
const BUCKETS = 10;
/** A piece whose peak stays below this (of 32767) is silent enough to cut or repeat unheard. */
const QUIET = 200;
/** A correction waits so long for silence (2 s) before it is made anyway. */
const PATIENCE = 16_000;
/** Time between two corrections: 100 ms. */
const REST = 800;
/** Concealment fades out over 60 ms. */
const FADE = 480;

export interface JitterStatistics {
  late: number;
  skewCorrections: number;
  underruns: number;
  overruns: number;
}

/**
 * Puts packets of mu-law sound into order by their time stamps and hands them out by the reader's clock. When nothing is
 * left the reading position waits, so that a burst after a gap is played whole and the delay has grown by the gap; when the
 * packets of the last seconds all had time to spare, the delay shrinks again, 10 ms at a time and in silence if it can.
 * The same two moves absorb the difference between the sender's clock and the reader's.
 */
export class JitterBuffer {
  readonly statistics: JitterStatistics = { late: 0, skewCorrections: 0, underruns: 0, overruns: 0 };
  readonly #samples = new Uint8Array(CAPACITY).fill(MULAW_SILENCE);
  readonly #present = new Uint8Array(CAPACITY);
  /** Positions count samples since the first packet, beyond 32 bits. */
  #read = 0;
  #end = 0;
  #started = false;
  #playing = false;
  #starvedFor = 0;
  #lastTimestamp = 0;
  #lastPosition = 0;
  /** The least time to spare (samples) of the packets in each of the last seconds. */
  #spare: number[] = [];
  #bucketLeft = BUCKET;
  #wanting = 0;
  #resting = 0;
  #history = new Uint8Array(2 * PIECE).fill(MULAW_SILENCE);
  #concealed = 0;

  /** Samples waiting to be read. */
  get level(): number {
    return Math.max(0, this.#end - this.#read);
  }

  /** Takes the mu-law sound of one packet in. `timestamp` is its 32-bit RTP time stamp. */
  put(timestamp: number, sound: Uint8Array): void {
    if (sound.length === 0 || sound.length > CAPACITY / 4) return;
    const position = this.#positionOf(timestamp);
    if (this.#starvedFor > 0) this.#endStarvation(position);
    const spare = position - this.#read;
    if (this.#playing) this.#noteSpare(Math.max(spare, -LATEST));
    if (spare + sound.length <= 0) {
      this.statistics.late++;
      return;
    }
    for (let i = Math.max(0, -spare); i < sound.length; i++) {
      const at = (position + i) & (CAPACITY - 1);
      this.#samples[at] = sound[i] ?? MULAW_SILENCE;
      this.#present[at] = 1;
    }
    this.#end = Math.max(this.#end, position + sound.length);
    if (this.level > MAX_LEVEL) {
      this.statistics.overruns++;
      this.#skip(this.level - PREFILL);
      this.#spare = [];
    }
  }

  /** The next `count` samples. */
  take(count: number): Uint8Array {
    const out = new Uint8Array(count);
    if (!this.#playing && this.level >= PREFILL) this.#playing = true;
    this.#correct(count);
    for (let i = 0; i < count; i++) out[i] = this.#nextSample();
    this.#remember(out);
    this.#age(count);
    return out;
  }

  /** Forgets the sender: the next packet starts anew. Statistics go on. */
  reset(): void {
    this.#present.fill(0);
    this.#started = false;
    this.#playing = false;
    this.#starvedFor = 0;
    this.#spare = [];
    this.#read = 0;
    this.#end = 0;
  }

  #positionOf(timestamp: number): number {
    if (!this.#started) {
      this.#started = true;
      this.#lastTimestamp = timestamp;
      this.#lastPosition = this.#read;
      this.#end = this.#read;
      return this.#read;
    }
    const position = this.#lastPosition + ((timestamp - this.#lastTimestamp) | 0);
    this.#lastTimestamp = timestamp;
    this.#lastPosition = position;
    const jumped = Math.abs(position - this.#end) >= CAPACITY / 2;
    const resumed = this.#starvedFor > 0 && position > this.#end;
    if (!jumped || resumed) return position;
    // Neither a gap nor reordering: the sender's time stamps start anew.
    this.#present.fill(0);
    this.#spare = [];
    this.#end = this.#read;
    this.#lastPosition = this.#read;
    return this.#read;
  }

  /** Time went by while the position waited: what lies before the packet was lost or never sent, as far as that time covers it. */
  #endStarvation(position: number): void {
    const gap = position - this.#read;
    if (gap < 0) return;
    const skipped = gap >= CAPACITY / 2 ? gap : Math.min(gap, this.#starvedFor);
    const waited = Math.max(0, this.#starvedFor - skipped);
    this.#starvedFor = 0;
    this.#present.fill(0);
    this.#read += skipped;
    this.#end = Math.max(this.#end, this.#read);
    this.#spare = this.#spare.map((spare) => spare + waited);
  }

  #nextSample(): number {
    if (!this.#playing) return MULAW_SILENCE;
    const at = this.#read & (CAPACITY - 1);
    if (this.#present[at] === 1) {
      this.#present[at] = 0;
      this.#read++;
      this.#concealed = 0;
      return this.#samples[at] ?? MULAW_SILENCE;
    }
    const concealed = this.#conceal();
    if (this.#read < this.#end) {
      // Kept, in case these 10 ms are repeated.
      this.#samples[at] = concealed;
      this.#read++;
    } else {
      if (this.#starvedFor === 0) this.statistics.underruns++;
      this.#starvedFor++;
    }
    return concealed;
  }

  /** The last 20 ms again, ever fainter. */
  #conceal(): number {
    if (this.#concealed >= FADE) return MULAW_SILENCE;
    const code = this.#history[this.#concealed % this.#history.length] ?? MULAW_SILENCE;
    this.#concealed++;
    return mulawOf(Math.round((linearOf(code) * (FADE - this.#concealed)) / FADE));
  }

  #remember(out: Uint8Array): void {
    if (this.#concealed > 0) return;
    const kept = this.#history.length;
    if (out.length >= kept) this.#history.set(out.subarray(out.length - kept));
    else {
      this.#history.copyWithin(0, out.length);
      this.#history.set(out, kept - out.length);
    }
  }

  #noteSpare(spare: number): void {
    const current = this.#spare[0];
    if (current === undefined) this.#spare = [spare];
    else this.#spare[0] = Math.min(current, spare);
  }

  #age(count: number): void {
    this.#resting = Math.max(0, this.#resting - count);
    this.#bucketLeft -= count;
    if (this.#bucketLeft > 0 || this.#spare.length === 0) return;
    this.#bucketLeft = BUCKET;
    this.#spare = [Number.POSITIVE_INFINITY, ...this.#spare].slice(0, BUCKETS);
  }

  /** Repeats or cuts one piece when the packets came too close to their time, or long too early. */
  #correct(count: number): void {
    const least = Math.min(...this.#spare);
    const seen = this.#spare.length >= BUCKETS;
    const tooLate = least < LOW_MARGIN && this.#resting === 0;
    const tooEarly = seen && least >= MARGIN + PIECE && least < Number.POSITIVE_INFINITY && this.level >= 2 * PIECE;
    if (!this.#playing || this.#starvedFor > 0 || !(tooLate || tooEarly)) {
      this.#wanting = 0;
      return;
    }
    this.#wanting += count;
    if (this.#resting > 0 || (this.#wanting < PATIENCE && !this.#isQuiet())) return;
    this.statistics.skewCorrections++;
    if (tooEarly) this.#skip(PIECE);
    else this.#repeat();
    this.#wanting = 0;
    this.#resting = REST;
  }

  #isQuiet(): boolean {
    for (let i = 0; i < PIECE; i++) {
      const at = (this.#read + i) & (CAPACITY - 1);
      if (this.#present[at] === 1 && Math.abs(linearOf(this.#samples[at] ?? MULAW_SILENCE)) >= QUIET) return false;
    }
    return true;
  }

  #skip(count: number): void {
    for (let i = 0; i < count; i++) this.#present[(this.#read + i) & (CAPACITY - 1)] = 0;
    this.#read += count;
    this.#spare = this.#spare.map((spare) => spare - count);
  }

  /** Steps back 10 ms: those samples are still in the ring. */
  #repeat(): void {
    for (let i = 1; i <= PIECE; i++) {
      const at = (this.#read - i) & (CAPACITY - 1);
      this.#present[at] = 1;
    }
    this.#read -= PIECE;
    this.#spare = this.#spare.map((spare) => spare + PIECE);
  }
}
