import { Concealment } from '#media/concealment.ts';
import { linearOf, MULAW_SILENCE, mulawOf } from '#media/g711.ts';
import { repeatSmoothly, SHORTEST_CUT, type SoundRing, skipSmoothly } from '#media/splice.ts';

/** Samples; a power of two, a good two seconds. */
const CAPACITY = 1 << 14;
/** The shortest correction: 10 ms. */
const PIECE = SHORTEST_CUT;
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
/** Sound that may be left out waits so long for silence (1 s): the delay is heard by both sides, a splice by hardly anybody. */
const LEAVE_OUT_PATIENCE = 8000;
/** The least from which a splice can choose a length: 15 ms. */
const LEAST_CHOICE = 120;
/** Once nothing has come for so long (100 ms) the sound made up in its place has faded. */
const FADED = 800;
/** Sound is handled in pieces of up to 20 ms. */
const LONGEST_RUN = 160;

export interface JitterStatistics {
  late: number;
  skewCorrections: number;
  underruns: number;
  overruns: number;
}

interface BufferReport extends Omit<JitterStatistics, 'late'> {
  readonly packetsLate: number;
  /** Sound that waits. */
  readonly bufferMs: number;
  /** The delay beyond which the buffer shrinks: by what the packets of the last ten seconds differed, and 30 ms. */
  readonly targetMs: number;
  /** Sound made up for packets that were lost or late. */
  readonly concealedMs: number;
}

/** The least and the most time to spare (samples) of the packets of one second. */
interface Spare {
  least: number;
  most: number;
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
  readonly #ring: SoundRing = { codes: this.#samples, present: this.#present };
  /** Positions count samples since the first packet, beyond 32 bits. */
  #read = 0;
  #end = 0;
  #started = false;
  #playing = false;
  #starvedFor = 0;
  #lastTimestamp = 0;
  #lastPosition = 0;
  /** Of each of the last seconds. */
  #spare: Spare[] = [];
  #bucketLeft = BUCKET;
  #wanting = 0;
  #resting = 0;
  /** For how long sound was allowed to be left out, and was not. */
  #allowed = 0;
  /** Left out of what was buffered, but not yet of what was handed out. */
  #owed = 0;
  readonly #concealment = new Concealment();
  readonly #run = new Float64Array(LONGEST_RUN);

  /** Samples waiting to be read. */
  get level(): number {
    return Math.max(0, this.#end - this.#read);
  }

  /** What the statistics of a session tell of its buffer. */
  get report(): BufferReport {
    const { late: packetsLate, ...counted } = this.statistics;
    const { least, most } = this.#spareOfAll();
    const target = MARGIN + PIECE + Math.max(0, most - least);
    const concealedMs = this.#concealment.concealed / 8;
    return { packetsLate, ...counted, bufferMs: this.level / 8, targetMs: target / 8, concealedMs };
  }

  /** Takes the mu-law sound of one packet in. `timestamp` is its 32-bit RTP time stamp. */
  put(timestamp: number, sound: Uint8Array): void {
    if (sound.length === 0 || sound.length > CAPACITY / 4) return;
    const position = this.#positionOf(timestamp);
    if (this.#starvedFor > 0) this.#endStarvation(position);
    const spare = position - this.#read;
    if (this.#playing) this.#noteSpare(Math.max(spare + this.#owed, -LATEST));
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

  /**
   * The next `count` samples. Up to `spare` of them may be left out, where whoever plays them has more than it needs: 10 ms at a time in silence, or
   * 10 to 20 ms at the pitch when there is none. The buffer goes on by `count` samples in any case.
   */
  take(count: number, spare = 0): Uint8Array {
    if (!this.#playing && this.level >= PREFILL) this.#playing = true;
    this.#correct(count);
    const out = new Uint8Array(count - this.#leaveOut(count, spare));
    for (let at = 0; at < out.length; ) at += this.#fill(out.subarray(at, at + LONGEST_RUN));
    this.#age(count);
    return out;
  }

  /** Forgets the sender: the next packet starts anew. Statistics go on. */
  reset(): void {
    this.#present.fill(0);
    this.#started = false;
    this.#playing = false;
    this.#starvedFor = 0;
    this.#owed = 0;
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
    this.#shiftSpare(waited);
  }

  /** Fills the beginning of a piece, either with what came or with what replaces it; gives its length. */
  #fill(out: Uint8Array): number {
    if (!this.#playing) {
      out.fill(MULAW_SILENCE);
      return out.length;
    }
    const present = this.#present[this.#read & (CAPACITY - 1)];
    let length = 1;
    while (length < out.length && this.#present[(this.#read + length) & (CAPACITY - 1)] === present) length++;
    // What is missing behind the last packet is starvation, what is missing before it is loss.
    if (present === 0 && this.#read < this.#end) length = Math.min(length, this.#end - this.#read);
    if (present === 1) this.#playArrived(out.subarray(0, length));
    else this.#playSubstitute(out.subarray(0, length));
    return length;
  }

  #playArrived(out: Uint8Array): void {
    const run = this.#run.subarray(0, out.length);
    for (let i = 0; i < out.length; i++) {
      const at = this.#read++ & (CAPACITY - 1);
      this.#present[at] = 0;
      const code = this.#samples[at] ?? MULAW_SILENCE;
      out[i] = code;
      run[i] = linearOf(code);
    }
    const blends = this.#concealment.active;
    this.#concealment.arrived(run);
    if (blends) encode(run, out);
  }

  #playSubstitute(out: Uint8Array): void {
    const run = this.#run.subarray(0, out.length);
    this.#concealment.fill(run);
    encode(run, out);
    if (this.#read >= this.#end) {
      if (this.#starvedFor === 0) this.statistics.underruns++;
      this.#starvedFor += out.length;
      return;
    }
    // Kept, in case it is repeated.
    for (let i = 0; i < out.length; i++) this.#samples[this.#read++ & (CAPACITY - 1)] = out[i] ?? MULAW_SILENCE;
  }

  #noteSpare(spare: number): void {
    const current = this.#spare[0];
    if (current === undefined) this.#spare = [{ least: spare, most: spare }];
    else {
      current.least = Math.min(current.least, spare);
      current.most = Math.max(current.most, spare);
    }
  }

  #spareOfAll(): Spare {
    const all = { least: Number.POSITIVE_INFINITY, most: Number.NEGATIVE_INFINITY };
    for (const { least, most } of this.#spare) {
      all.least = Math.min(all.least, least);
      all.most = Math.max(all.most, most);
    }
    return all;
  }

  #shiftSpare(by: number): void {
    for (const spare of this.#spare) {
      spare.least += by;
      spare.most += by;
    }
  }

  #age(count: number): void {
    this.#resting = Math.max(0, this.#resting - count);
    this.#bucketLeft -= count;
    if (this.#bucketLeft > 0 || this.#spare.length === 0) return;
    this.#bucketLeft = BUCKET;
    const empty = { least: Number.POSITIVE_INFINITY, most: Number.NEGATIVE_INFINITY };
    this.#spare = [empty, ...this.#spare].slice(0, BUCKETS);
  }

  /** Repeats or cuts a piece when the packets came too close to their time, or long too early. */
  #correct(count: number): void {
    const { least } = this.#spareOfAll();
    const seen = this.#spare.length >= BUCKETS;
    const tooLate = least < LOW_MARGIN && this.#resting === 0;
    const tooEarly = seen && least >= MARGIN + PIECE && least < Number.POSITIVE_INFINITY && this.level >= 2 * PIECE;
    if (!this.#playing || this.#starvedFor > 0 || !(tooLate || tooEarly)) {
      this.#wanting = 0;
      return;
    }
    this.#wanting += count;
    const quiet = this.#isQuiet();
    // Packets that come too late to be played are worse than a repetition that is heard.
    const urgent = least < 0 || this.#wanting >= PATIENCE;
    if (this.#resting > 0 || !(quiet || urgent)) return;
    const splice = tooEarly ? skipSmoothly : repeatSmoothly;
    const moved = quiet ? PIECE : splice(this.#ring, this.#read);
    if (moved === 0) return;
    this.statistics.skewCorrections++;
    if (tooEarly) this.#skip(moved);
    else this.#stepBack(moved);
    this.#wanting = 0;
    this.#resting = REST;
  }

  /** Gives by how much shorter the next sound is than what was asked for. */
  #leaveOut(count: number, spare: number): number {
    if (this.#owed === 0) {
      if (spare < PIECE) this.#allowed = 0;
      else if (this.#resting === 0) this.#owed = this.#cut(count, spare);
    }
    const now = Math.min(this.#owed, count, spare);
    this.#owed -= now;
    return now;
  }

  #cut(count: number, spare: number): number {
    if (!this.#playing || this.#starvedFor >= FADED) {
      // Time goes by as it did.
      if (this.#playing) this.#starvedFor += PIECE;
      return this.#isCut(PIECE);
    }
    if (this.#starvedFor > 0 || this.level < 2 * PIECE) return 0;
    if (this.#isQuiet()) return this.#isCut(this.#advance(PIECE));
    this.#allowed += count;
    if (this.#allowed < LEAVE_OUT_PATIENCE || spare < LEAST_CHOICE) return 0;
    const jump = skipSmoothly(this.#ring, this.#read, spare);
    return jump === 0 ? 0 : this.#isCut(this.#advance(jump));
  }

  #isCut(samples: number): number {
    this.#allowed = 0;
    this.#resting = REST;
    return samples;
  }

  #isQuiet(): boolean {
    for (let i = 0; i < PIECE; i++) {
      const at = (this.#read + i) & (CAPACITY - 1);
      if (this.#present[at] === 1 && Math.abs(linearOf(this.#samples[at] ?? MULAW_SILENCE)) >= QUIET) return false;
    }
    return true;
  }

  #skip(count: number): void {
    this.#shiftSpare(-this.#advance(count));
  }

  #advance(count: number): number {
    for (let i = 0; i < count; i++) this.#present[(this.#read + i) & (CAPACITY - 1)] = 0;
    this.#read += count;
    return count;
  }

  /** Those samples are still in the ring. */
  #stepBack(count: number): void {
    for (let i = 1; i <= count; i++) this.#present[(this.#read - i) & (CAPACITY - 1)] = 1;
    this.#read -= count;
    this.#shiftSpare(count);
  }
}

function encode(samples: Float64Array, to: Uint8Array): void {
  for (let i = 0; i < samples.length; i++) {
    to[i] = mulawOf(Math.max(-32_768, Math.min(32_767, Math.round(samples[i] ?? 0))));
  }
}
