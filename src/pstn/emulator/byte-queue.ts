/** Bytes in order of arrival. */
export class ByteQueue {
  #pieces: Uint8Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#length += bytes.length;
  }

  /** Takes the first bytes out, at most `count`. */
  take(count: number): Uint8Array {
    const taken = new Uint8Array(Math.min(count, this.#length));
    for (let at = 0; at < taken.length; ) {
      const piece = this.#pieces[0];
      if (piece === undefined) break;
      const used = piece.subarray(0, taken.length - at);
      taken.set(used, at);
      at += used.length;
      if (used.length === piece.length) this.#pieces.shift();
      else this.#pieces[0] = piece.subarray(used.length);
    }
    this.#length -= taken.length;
    return taken;
  }

  clear(): void {
    this.#pieces = [];
    this.#length = 0;
  }
}
