import { concat } from '#platform/bytes.ts';

/** What was sent, so far back as an echo can be late: two seconds. */
const KEPT = 16_000;
/** So many bytes are looked for at first. */
const SAMPLE = 64;
/** Half a second of nothing but what was sent, byte for byte, comes over no telephone line. */
const CERTAIN = 4000;
/** After a second of silence both ways it is marked. */
const SUSPICIOUS = 8000;
/** The two mu-law codes of zero (ITU-T G.711 table 2a): they sound the same, which is not at all. */
const ZERO = 0xff;
const OTHER_ZERO = 0x7f;

/**
 * Knows its own sound when it comes back. A modem that lost its power in a call stands in command state again and echoes what is written to it; one
 * byte is written for each that is read, so it would go round for ever and look like a call.
 */
export class OwnSound {
  readonly #sent = Buffer.alloc(KEPT, ZERO);
  #end = 0;
  #next: number | undefined;
  #matched = 0;
  /** The last that was heard and not found yet. */
  #tail = new Uint8Array(0);
  #noise = 0x9e3779b9;
  /** Bytes of perfect silence heard in a row, which a real line never has for long. */
  #silent = 0;

  /** Remembers; gives what to send: where perfect silence answers silence it is marked, since all silence is alike. */
  send(samples: Uint8Array): Uint8Array {
    const marked = this.#silent >= SUSPICIOUS && samples.every(isZero) ? this.#mark(samples.length) : samples;
    const kept = marked.subarray(-KEPT);
    if (this.#end + kept.length > KEPT) this.#forget(this.#end + kept.length - KEPT);
    this.#sent.set(kept, this.#end);
    this.#end += kept.length;
    return marked;
  }

  /** Whether all that was heard for half a second is what was sent. */
  isEcho(samples: Uint8Array): boolean {
    this.#silent = samples.every(isZero) ? this.#silent + samples.length : 0;
    if (this.#next !== undefined) this.#follow(samples, this.#next);
    if (this.#next === undefined) this.#search(samples);
    return this.#matched >= CERTAIN;
  }

  #follow(samples: Uint8Array, from: number): void {
    const end = from + samples.length;
    if (end > this.#end || this.#sent.compare(samples, 0, samples.length, from, end) !== 0) this.#lose();
    else {
      this.#next = end;
      this.#matched += samples.length;
    }
  }

  /** In pieces of any size: what goes round may be a few bytes only. */
  #search(samples: Uint8Array): void {
    this.#tail = concat(this.#tail, samples).slice(-SAMPLE);
    const [first] = this.#tail;
    // Silence without marks is no evidence.
    if (this.#tail.length < SAMPLE || this.#tail.every((sample) => sample === first)) return;
    const found = this.#sent.subarray(0, this.#end).lastIndexOf(this.#tail);
    if (found >= 0) this.#next = found + SAMPLE;
  }

  #lose(): void {
    this.#next = undefined;
    this.#tail = new Uint8Array(0);
    this.#matched = 0;
  }

  #forget(count: number): void {
    this.#sent.copyWithin(0, count, this.#end);
    this.#end = Math.max(0, this.#end - count);
    if (this.#next === undefined) return;
    this.#next -= count;
    if (this.#next < 0) this.#lose();
  }

  /** Zeros of either code, in an order that does not repeat (xorshift, Marsaglia 2003). */
  #mark(length: number): Uint8Array {
    const marked = new Uint8Array(length);
    for (let i = 0; i < length; i++) {
      this.#noise ^= this.#noise << 13;
      this.#noise ^= this.#noise >>> 17;
      this.#noise ^= this.#noise << 5;
      marked[i] = this.#noise & 0x100 ? OTHER_ZERO : ZERO;
    }
    return marked;
  }
}

function isZero(sample: number): boolean {
  return (sample | 0x80) === ZERO;
}
