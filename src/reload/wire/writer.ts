import { NODE_ID_LENGTH } from '#reload/wire/ids.ts';
import { type WireOptions, wireFailure } from '#reload/wire/reader.ts';

const LIMITS = [0, 0xff, 0xffff, 0xffffff, 0xffffffff] as const;
/** Room for most bodies and headers. */
const INITIAL_SIZE = 512;
const U64_LIMIT = 0xffff_ffff_ffff_ffffn;

/** Throws unless `value` is an object: what is written may come from outside the type checker's reach. */
export function requireObject(value: unknown): void {
  if (typeof value !== 'object' || value === null) throw wireFailure('bad-value', 'a structure is wanted');
}

/** Writes big-endian fields into a buffer that grows. Values are checked: what does not fit throws `Failure<WireFault>`. */
export class Writer {
  readonly nodeIdLength: number;
  private buffer: Buffer;
  private length = 0;

  /** `room` is the number of bytes expected. */
  constructor(options: WireOptions = {}, room = INITIAL_SIZE) {
    this.buffer = Buffer.allocUnsafe(room);
    this.nodeIdLength = options.nodeIdLength ?? NODE_ID_LENGTH;
  }

  /** Bytes written so far. */
  get size(): number {
    return this.length;
  }

  /** What was written, as a view: nothing may be written after it was taken. */
  bytes(): Uint8Array {
    return new Uint8Array(this.buffer.buffer, this.buffer.byteOffset, this.length);
  }

  u8(value: number): void {
    this.unsigned(1, value);
  }

  u16(value: number): void {
    this.unsigned(2, value);
  }

  u32(value: number): void {
    this.unsigned(4, value);
  }

  u64(value: bigint): void {
    if (typeof value !== 'bigint' || value < 0n || value > U64_LIMIT) {
      throw wireFailure('out-of-range', `${String(value)} is not an unsigned number of 64 bits`);
    }
    // Growing may replace the buffer: first the place, then the buffer.
    const at = this.grow(8);
    this.buffer.writeBigUInt64BE(value, at);
  }

  /** An unsigned number in `width` bytes, 1..4. */
  unsigned(width: number, value: number): void {
    if (!Number.isInteger(value) || value < 0 || value > (LIMITS[width] ?? 0)) {
      throw wireFailure('out-of-range', `${String(value)} is not an unsigned number of ${8 * width} bits`);
    }
    this.put(this.grow(width), width, value);
  }

  raw(bytes: Uint8Array): void {
    if (!(bytes instanceof Uint8Array)) throw wireFailure('bad-value', 'a byte string is wanted');
    const at = this.grow(bytes.length);
    this.buffer.set(bytes, at);
  }

  /** A byte string behind a length of `width` bytes. */
  opaque(width: number, bytes: Uint8Array): void {
    const mark = this.open(width);
    this.raw(bytes);
    this.close(mark, width);
  }

  /** Leaves room for a length of `width` bytes; `close` fills it in with the number of bytes written in between. */
  open(width: number): number {
    return this.grow(width);
  }

  close(mark: number, width: number): void {
    this.fill(mark, width, this.length - mark - width);
  }

  /** As `close`, for a length that does not stand right before what it counts. */
  fill(mark: number, width: number, length: number): void {
    if (length > (LIMITS[width] ?? 0)) {
      throw wireFailure('out-of-range', `${length} bytes do not fit behind a length of ${8 * width} bits`);
    }
    this.put(mark, width, length);
  }

  /** Hexadecimal digits as bytes; `length` of them, which the caller has checked. */
  hex(digits: string, length: number): void {
    const at = this.grow(length);
    this.buffer.write(digits, at, length, 'hex');
  }

  private put(at: number, width: number, value: number): void {
    if (width === 1) this.buffer[at] = value;
    else this.buffer.writeUIntBE(value, at, width);
  }

  private grow(length: number): number {
    const at = this.length;
    this.length += length;
    if (this.length > this.buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.length, 2 * this.buffer.length));
      larger.set(this.buffer.subarray(0, at));
      this.buffer = larger;
    }
    return at;
  }
}
