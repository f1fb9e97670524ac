/** Sound written ahead of what was read, in samples: 60 ms that cover the host's hesitations. */
export const CUSHION = 480;
/** Pieces read within 50 ms may be one hesitation's backlog, since reads have a greatest size. Shorter than the cushion, so that a clock that is set meanwhile does little. */
const BURST_MS = 50;
/** Samples in a millisecond by a clock that is 0.1 % off, five times what a modem's may be. */
const FASTEST = 8.008;
/** A report of an underrun may come so long (0.5 s) after the backlog that explains it. */
const REPORT = 4000;

/**
 * How much of what was written waits in the modem beyond the cushion. A modem that runs dry plays silence, which nobody tells the length of;
 * but of every sample heard it has played one in the same moment, so what it brought cannot be more than what had been written
 * before that could be read, and the silence. That is a bound from below, exact but for the way to the modem and back, and needs no report of the
 * modem: what exceeds the cushion in one reading is silence that was put in. All counts are of samples.
 */
export class Cushion {
  #heard = 0;
  /** Of what was heard, what had its answer. */
  #answered = 0;
  #written = 0;
  /** Silence that the modem has put in, at least. */
  #silence = 0;
  /** The first reading of a backlog: nothing written from then on can have been played before. */
  #burst: { readonly at: number; readonly written: number } | undefined;
  #readAt = 0;
  /** What had been heard when silence was last found. */
  #foundAt = Number.NEGATIVE_INFINITY;

  /** A stream begins, and the cushion was written. */
  begin(): void {
    this.#heard = 0;
    this.#answered = 0;
    this.#written = CUSHION;
    this.#silence = 0;
    this.#burst = undefined;
    this.#foundAt = Number.NEGATIVE_INFINITY;
  }

  /** What can be left out of the answers to come without the cushion becoming less. */
  get surplus(): number {
    return Math.max(0, this.#written + this.#silence - this.#answered - CUSHION);
  }

  /** A piece was read at a time in ms; `written` follows. */
  heard(count: number, at: number): void {
    this.#heard += count;
    const found = this.#heard - this.#written;
    const before = this.#burst;
    const sinceBurst = before === undefined ? 0 : at - before.at;
    const clockWasSet = at < this.#readAt;
    this.#readAt = at;
    if (before === undefined || clockWasSet || sinceBurst > BURST_MS) {
      this.#burst = { at, written: this.#written };
      this.#insert(found);
      return;
    }
    const together = this.#heard - Math.ceil(sinceBurst * FASTEST) - before.written;
    if (found >= together) this.#burst = { at, written: this.#written };
    this.#insert(Math.max(found, together));
  }

  /** The answer to all that was heard. */
  written(count: number): void {
    this.#answered = this.#heard;
    this.#written += count;
  }

  /**
   * The modem says that it ran dry. When no hesitation of the last moment explains it, it had less than was thought, and nothing is to be
   * taken from it until the next one. Within a hesitation it is told of before the backlog is read to its end.
   */
  underrun(): void {
    if (this.#heard - this.#foundAt >= REPORT) this.#forget();
  }

  /** Sound was lost on its way to the modem or from it: how much is not known. */
  overrun(): void {
    this.#forget();
    this.#burst = undefined;
  }

  #insert(silence: number): void {
    if (silence <= this.#silence) return;
    this.#silence = silence;
    this.#foundAt = this.#heard;
  }

  #forget(): void {
    this.#silence -= this.surplus;
  }
}
