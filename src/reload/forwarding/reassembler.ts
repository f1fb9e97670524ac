import { equalBytes } from '#platform/bytes.ts';
import type { Clock, Timer } from '#platform/clock.ts';
import type { ForwardingHeader } from '#reload/wire/forwarding-header.ts';

/** Pieces of one message: a message of 65,536 bytes has 256 of the least size. */
const MAX_PIECES = 256;
/** Unfinished messages kept for one neighbour, and in all. */
const MAX_PER_NEIGHBOUR = 32;
const MAX_UNFINISHED = 256;
/** Bytes of unfinished messages in all. */
const MAX_BYTES = 4 << 20;

interface Piece {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

interface Unfinished {
  readonly neighbour: string;
  readonly pieces: Piece[];
  readonly timer: Timer;
  header: ForwardingHeader | undefined;
  total: number | undefined;
  bytes: number;
}

export interface Whole {
  /** Of the first piece, as if the message had come in one. */
  readonly header: ForwardingHeader;
  /** Everything after the header. */
  readonly payload: Uint8Array;
}

/**
 * Puts fragments together at the destination (RFC 6940 §6.7). A message is known by the neighbour it came from and its transaction id,
 * since nothing else in the header has to be the same on all of its pieces.
 */
export class Reassembler {
  readonly #clock: Clock;
  readonly #unfinished = new Map<string, Unfinished>();
  readonly #perNeighbour = new Map<string, number>();
  #bytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#unfinished.size;
  }

  /** Takes one piece; gives the message when it was the last one missing. `limits` in bytes and milliseconds. */
  add(
    neighbour: string,
    header: ForwardingHeader,
    chunk: Uint8Array,
    limits: { readonly maxBytes: number; readonly lifetime: number },
  ): Whole | undefined {
    const { offset, last } = header.fragment;
    const key = `${neighbour}/${header.transactionId}`;
    const end = offset + chunk.length;
    if (chunk.length === 0 || end > limits.maxBytes) return undefined;
    const unfinished = this.#unfinished.get(key) ?? this.#begin(key, neighbour, limits.lifetime);
    if (unfinished === undefined) return undefined;
    const contradicts = last && unfinished.total !== undefined && unfinished.total !== end;
    const tooMuch = unfinished.pieces.length >= MAX_PIECES || this.#bytes + chunk.length > MAX_BYTES;
    if (contradicts || tooMuch) {
      this.#forget(key);
      return undefined;
    }
    if (last) unfinished.total = end;
    if (offset === 0) unfinished.header ??= header;
    if (!unfinished.pieces.some((piece) => piece.offset === offset && equalBytes(piece.bytes, chunk))) {
      unfinished.pieces.push({ offset, bytes: chunk });
      unfinished.bytes += chunk.length;
      this.#bytes += chunk.length;
    }
    return this.#finish(key, unfinished);
  }

  #begin(key: string, neighbour: string, lifetime: number): Unfinished | undefined {
    const count = this.#perNeighbour.get(neighbour) ?? 0;
    if (count >= MAX_PER_NEIGHBOUR || this.#unfinished.size >= MAX_UNFINISHED) return undefined;
    this.#perNeighbour.set(neighbour, count + 1);
    const timer = this.#clock.after(lifetime, () => this.#forget(key));
    const unfinished: Unfinished = { neighbour, pieces: [], timer, header: undefined, total: undefined, bytes: 0 };
    this.#unfinished.set(key, unfinished);
    return unfinished;
  }

  #finish(key: string, unfinished: Unfinished): Whole | undefined {
    const { header, total, bytes } = unfinished;
    if (header === undefined || total === undefined || bytes < total) return undefined;
    const payload = join(unfinished.pieces, total);
    if (payload === 'gap') return undefined;
    this.#forget(key);
    if (payload === 'contradiction') return undefined;
    const headerLength = header.length - (unfinished.pieces.find((piece) => piece.offset === 0)?.bytes.length ?? 0);
    return { header: { ...header, fragment: { offset: 0, last: true }, length: headerLength + total }, payload };
  }

  #forget(key: string): void {
    const unfinished = this.#unfinished.get(key);
    if (unfinished === undefined) return;
    this.#unfinished.delete(key);
    unfinished.timer.cancel();
    this.#bytes -= unfinished.bytes;
    const left = (this.#perNeighbour.get(unfinished.neighbour) ?? 1) - 1;
    if (left > 0) this.#perNeighbour.set(unfinished.neighbour, left);
    else this.#perNeighbour.delete(unfinished.neighbour);
  }
}

/** Pieces may overlap where a hop split them again, but only with the same bytes. */
function join(pieces: readonly Piece[], total: number): Uint8Array | 'gap' | 'contradiction' {
  const whole = new Uint8Array(total);
  let filled = 0;
  for (const piece of [...pieces].sort((a, b) => a.offset - b.offset)) {
    const end = piece.offset + piece.bytes.length;
    if (end > total) return 'contradiction';
    if (piece.offset > filled) return 'gap';
    const overlap = Math.min(filled, end) - piece.offset;
    if (!equalBytes(piece.bytes.subarray(0, overlap), whole.subarray(piece.offset, piece.offset + overlap))) {
      return 'contradiction';
    }
    whole.set(piece.bytes.subarray(overlap), piece.offset + overlap);
    filled = Math.max(filled, end);
  }
  return filled === total ? whole : 'gap';
}
