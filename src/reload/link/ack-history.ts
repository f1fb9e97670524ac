const REMEMBERED = 32;

/** The 32 sequence numbers that were received last; builds the `received` field of ACK frames (RFC 6940 §6.6.2). */
export class AckHistory {
  readonly #sequences = new Uint32Array(REMEMBERED);
  #count = 0;

  /** Whether frame `sequence` is among the remembered ones. */
  has(sequence: number): boolean {
    const known = Math.min(this.#count, REMEMBERED);
    for (let i = 0; i < known; i++) if (this.#sequences[i] === sequence) return true;
    return false;
  }

  /**
   * Notes that frame `sequence` (N) arrived and gives the `received` field of its ACK: bit N-M, counted from the low end, for each
   * earlier M with N-32 < M < N. Numbers are compared modulo 2^32.
   */
  receive(sequence: number): number {
    let received = 0;
    const known = Math.min(this.#count, REMEMBERED);
    for (let i = 0; i < known; i++) {
      const distance = (sequence - (this.#sequences[i] ?? 0)) >>> 0;
      if (distance > 0 && distance < REMEMBERED) received |= 1 << distance;
    }
    this.#sequences[this.#count % REMEMBERED] = sequence;
    this.#count++;
    return received >>> 0;
  }
}
