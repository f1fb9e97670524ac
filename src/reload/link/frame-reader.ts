/** Frame types of RFC 6940 §6.6.2. */
const DATA = 128;
const ACK = 129;
/** Bytes that framing puts before a message. */
export const DATA_HEADER = 8;
const ACK_LENGTH = 9;

export type LinkFrame =
  | { readonly type: 'data'; readonly sequence: number; readonly message: Uint8Array }
  /** The announced length is above the limit; `message` holds its first `limit + 1` bytes and nothing follows on this reader. */
  | { readonly type: 'oversize'; readonly sequence: number; readonly length: number; readonly message: Uint8Array }
  | { readonly type: 'ack'; readonly sequence: number; readonly received: number }
  /** Nothing can be read after an unknown frame type, because its length is not known. */
  | { readonly type: 'broken'; readonly detail: string };

export function encodeDataFrame(sequence: number, message: Uint8Array): Uint8Array {
  const frame = Buffer.allocUnsafe(DATA_HEADER + message.length);
  frame[0] = DATA;
  frame.writeUInt32BE(sequence, 1);
  frame.writeUIntBE(message.length, 5, 3);
  frame.set(message, DATA_HEADER);
  return frame;
}

export function encodeAckFrame(sequence: number, received: number): Uint8Array {
  const frame = Buffer.allocUnsafe(ACK_LENGTH);
  frame[0] = ACK;
  frame.writeUInt32BE(sequence, 1);
  frame.writeUInt32BE(received, 5);
  return frame;
}

/** Longest message that a frame can carry: its length is a 24-bit number. */
export const MAX_FRAMED_MESSAGE = 0xffffff;

/** Reads a datagram, which holds exactly one frame; undefined when it holds anything else (RFC 6940 §6.6.2). */
export function decodeFrame(datagram: Uint8Array): Extract<LinkFrame, { readonly type: 'data' | 'ack' }> | undefined {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  if (datagram.length === ACK_LENGTH && datagram[0] === ACK) {
    return { type: 'ack', sequence: view.getUint32(1), received: view.getUint32(5) };
  }
  if (datagram.length < DATA_HEADER || datagram[0] !== DATA) return undefined;
  const length = (view.getUint8(5) << 16) | view.getUint16(6);
  if (length !== datagram.length - DATA_HEADER) return undefined;
  return { type: 'data', sequence: view.getUint32(1), message: datagram.subarray(DATA_HEADER) };
}

interface Partial {
  readonly sequence: number;
  readonly length: number;
  readonly oversize: boolean;
  readonly message: Uint8Array;
  filled: number;
}

/**
 * Cuts a byte stream into frames. Linear in the bytes received, whatever the sizes of the chunks; holds at most `limit + 1`
 * bytes of one message, since a peer may announce 16 MiB (RFC 6940 §6.6).
 */
export class FrameReader {
  #chunk: Uint8Array = new Uint8Array();
  #offset = 0;
  readonly #head = Buffer.alloc(ACK_LENGTH);
  #headFilled = 0;
  #partial: Partial | undefined;
  #ended = false;

  /** Hands over the next bytes. Every frame of the chunk before has to be taken first. */
  push(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#offset = 0;
  }

  /** The next complete frame, or undefined when more bytes are needed. `limit` is the largest message taken, in bytes. */
  next(limit: number): LinkFrame | undefined {
    if (this.#ended) return undefined;
    if (this.#partial === undefined && !this.#fillHead()) return undefined;
    const type = this.#head[0];
    if (type === ACK) {
      this.#headFilled = 0;
      return { type: 'ack', sequence: this.#head.readUInt32BE(1), received: this.#head.readUInt32BE(5) };
    }
    if (type !== DATA) {
      this.#ended = true;
      return { type: 'broken', detail: `unknown frame type ${type}` };
    }
    this.#partial ??= this.#begin(limit);
    return this.#fillMessage(this.#partial);
  }

  #fillHead(): boolean {
    while (this.#offset < this.#chunk.length) {
      this.#head[this.#headFilled++] = this.#chunk[this.#offset++] ?? 0;
      if (this.#headFilled === headLength(this.#head[0])) return true;
    }
    return false;
  }

  #begin(limit: number): Partial {
    const length = this.#head.readUIntBE(5, 3);
    const oversize = length > limit;
    const wanted = oversize ? limit + 1 : length;
    const sequence = this.#head.readUInt32BE(1);
    // The usual case, the whole message in one chunk, costs no copy.
    if (this.#chunk.length - this.#offset >= wanted) {
      const message = this.#chunk.subarray(this.#offset, this.#offset + wanted);
      this.#offset += wanted;
      return { sequence, length, oversize, message, filled: wanted };
    }
    return { sequence, length, oversize, message: new Uint8Array(wanted), filled: 0 };
  }

  #fillMessage(partial: Partial): LinkFrame | undefined {
    const missing = partial.message.length - partial.filled;
    if (missing > 0) {
      const piece = this.#chunk.subarray(this.#offset, this.#offset + missing);
      partial.message.set(piece, partial.filled);
      partial.filled += piece.length;
      this.#offset += piece.length;
      if (piece.length < missing) return undefined;
    }
    this.#partial = undefined;
    this.#headFilled = 0;
    const { sequence, message, length } = partial;
    if (!partial.oversize) return { type: 'data', sequence, message };
    this.#ended = true;
    return { type: 'oversize', sequence, length, message };
  }
}

function headLength(type: number | undefined): number {
  if (type === DATA) return DATA_HEADER;
  return type === ACK ? ACK_LENGTH : 1;
}
