import { Failure } from '#platform/failure.ts';
import { NODE_ID_LENGTH } from '#reload/wire/ids.ts';

export type WireFaultCode =
  /** The bytes end before the structure does. */
  | 'truncated'
  /** Bytes are left over where the structure, or a part with its own length, has ended. */
  | 'surplus'
  /** A value the RFC does not allow here, or a selector that cannot be skipped. */
  | 'bad-value'
  /** A number, length or count beyond its bounds. */
  | 'out-of-range'
  /** The all-zero Node-ID, which never travels (RFC 6940 §6.3.1.1). */
  | 'zero-node-id';

/** `at` is the path of the field, in the RFC's own field names: `header.via_list[1].node`. Empty for the whole. */
export interface WireFault {
  readonly code: WireFaultCode;
  readonly at: string;
  readonly detail: string;
}

export interface WireOptions {
  /** Bytes in a Node-ID: node-id-length of the overlay, 16..20 (RFC 6940 §11.1). 16 by default. */
  readonly nodeIdLength?: number;
}

export function wireFailure(code: WireFaultCode, detail: string, at = ''): Failure<WireFault> {
  return new Failure({ code, at, detail }, at === '' ? detail : `${at}: ${detail}`);
}

/** What was thrown below, with `segment` (a field name in camelCase, or an index like `[3]`) put before its path. */
export function located(thrown: unknown, segment: string): unknown {
  if (!isWireFailure(thrown)) return thrown;
  const name = snakeCase(segment);
  const { code, at, detail } = thrown.fault;
  return wireFailure(code, detail, at === '' || at.startsWith('[') ? `${name}${at}` : `${name}.${at}`);
}

export function isWireFailure(thrown: unknown): thrown is Failure<WireFault> {
  return thrown instanceof Failure && 'at' in thrown.fault && 'detail' in thrown.fault;
}

/** `viaList` as the RFC writes it: `via_list`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/**
 * Reads big-endian fields from `bytes`, which it neither copies nor changes: byte strings are given out as views.
 * Every method throws `Failure<WireFault>` when the bytes do not suffice.
 */
export class Reader {
  readonly nodeIdLength: number;
  offset = 0;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private end: number;

  constructor(bytes: Uint8Array, options: WireOptions = {}) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.end = bytes.length;
    this.nodeIdLength = options.nodeIdLength ?? NODE_ID_LENGTH;
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  u8(): number {
    return this.view.getUint8(this.advance(1));
  }

  /** The next byte, which stays unread. */
  peek(): number {
    const byte = this.u8();
    this.offset -= 1;
    return byte;
  }

  u16(): number {
    return this.view.getUint16(this.advance(2));
  }

  u24(): number {
    const at = this.advance(3);
    return this.view.getUint8(at) * 0x10000 + this.view.getUint16(at + 1);
  }

  u32(): number {
    return this.view.getUint32(this.advance(4));
  }

  u64(): bigint {
    return this.view.getBigUint64(this.advance(8));
  }

  /** The unsigned number in the next `width` bytes, 1..4. */
  unsigned(width: number): number {
    if (width === 1) return this.u8();
    if (width === 2) return this.u16();
    return width === 3 ? this.u24() : this.u32();
  }

  /** A view of the next `length` bytes. */
  raw(length: number): Uint8Array {
    const at = this.advance(length);
    return this.bytes.subarray(at, at + length);
  }

  /** A view of a byte string behind a length of `width` bytes. */
  opaque(width: number): Uint8Array {
    return this.raw(this.unsigned(width));
  }

  rest(): Uint8Array {
    return this.raw(this.remaining);
  }

  /** A view of bytes that were read already. */
  since(offset: number): Uint8Array {
    return this.bytes.subarray(offset, this.offset);
  }

  /** Hides everything after the next `length` bytes; returns what `leave` needs. */
  enter(length: number): number {
    if (length > this.remaining) throw this.truncated(length);
    const outer = this.end;
    this.end = this.offset + length;
    return outer;
  }

  /** Ends what `enter` began; bytes not read by now are surplus. */
  leave(outer: number): void {
    this.finish();
    this.end = outer;
  }

  /** Throws unless everything was read. */
  finish(): void {
    if (this.remaining > 0) {
      throw wireFailure('surplus', `${this.remaining} bytes are left over where the structure has ended`);
    }
  }

  private advance(length: number): number {
    const at = this.offset;
    if (length > this.end - at) throw this.truncated(length);
    this.offset = at + length;
    return at;
  }

  private truncated(length: number): Failure<WireFault> {
    return wireFailure('truncated', `${length} bytes are needed and only ${this.remaining} are there`);
  }
}
