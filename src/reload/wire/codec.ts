import { located, Reader, type WireOptions, wireFailure } from '#reload/wire/reader.ts';
import { Writer } from '#reload/wire/writer.ts';

/**
 * How one structure of the presentation language (RFC 6940 §2) is read and written. Reading takes exactly the bytes
 * that writing makes; whatever writing could not reproduce is refused.
 */
export interface Codec<T> {
  readonly shape: Shape;
  read(reader: Reader): T;
  write(writer: Writer, value: T): void;
}

/** What a codec's values look like, for tools that print and parse them. */
export type Shape =
  /** Numbers up to 32 bits, booleans, names, texts and ids: the same in JSON. */
  | { readonly type: 'plain' }
  | { readonly type: 'bytes' }
  | { readonly type: 'u64' }
  | { readonly type: 'list'; readonly item: Shape }
  | StructShape
  | UnionShape;

export interface StructShape {
  readonly type: 'struct';
  readonly fields: Readonly<Record<string, Shape>>;
}

/** Structs told apart by the field `tag`, whose values name the cases. */
export interface UnionShape {
  readonly type: 'union';
  readonly tag: string;
  readonly cases: Readonly<Record<string, Shape>>;
}

/** The type of the values of a codec. */
export type Infer<C> = C extends Codec<infer T> ? T : never;

/** Decodes all of `bytes`. Throws `Failure<WireFault>`. Byte strings in the result are views of `bytes`. */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array, options?: WireOptions): T {
  const reader = new Reader(bytes, options);
  const value = codec.read(reader);
  reader.finish();
  return value;
}

/** Encodes `value`. Throws `Failure<WireFault>` when a field does not fit. */
export function encode<T>(codec: Codec<T>, value: T, options?: WireOptions): Uint8Array {
  const writer = new Writer(options);
  codec.write(writer, value);
  return writer.bytes();
}

/** Reads a field of a structure that is not a plain `struct`, so that faults get their path. */
export function readField<T>(reader: Reader, name: string, codec: Codec<T>): T {
  try {
    return codec.read(reader);
  } catch (thrown) {
    throw located(thrown, name);
  }
}

const PLAIN: Shape = { type: 'plain' };
const BYTES: Shape = { type: 'bytes' };

function unsigned(width: 1 | 2 | 3 | 4): Codec<number> {
  return {
    shape: PLAIN,
    read: (reader) => reader.unsigned(width),
    write: (writer, value) => writer.unsigned(width, value),
  };
}

export const u8 = unsigned(1);
export const u16 = unsigned(2);
export const u32 = unsigned(4);

export const u64: Codec<bigint> = {
  shape: { type: 'u64' },
  read: (reader) => reader.u64(),
  write: (writer, value) => writer.u64(value),
};

/** One byte, 0 or 1 and nothing else (RFC 6940 §6.3.1.1). */
export const bool: Codec<boolean> = {
  shape: PLAIN,
  read(reader) {
    const value = reader.u8();
    if (value > 1) throw wireFailure('bad-value', `a Boolean is 0 or 1, not ${value}`);
    return value === 1;
  },
  write(writer, value) {
    if (typeof value !== 'boolean') throw wireFailure('bad-value', 'true or false is wanted');
    writer.u8(value ? 1 : 0);
  },
};

function opaque(width: 1 | 2 | 3 | 4): Codec<Uint8Array> {
  return {
    shape: BYTES,
    read: (reader) => reader.opaque(width),
    write: (writer, value) => writer.opaque(width, value),
  };
}

/** Byte strings behind a length of 8, 16, 24 or 32 bits. */
export const opaque8 = opaque(1);
export const opaque16 = opaque(2);
export const opaque24 = opaque(3);
export const opaque32 = opaque(4);

/** All bytes up to the end of the enclosing structure. */
export const rest: Codec<Uint8Array> = {
  shape: BYTES,
  read: (reader) => reader.rest(),
  write: (writer, value) => writer.raw(value),
};

function list(width: 1 | 2 | 3 | 4) {
  return <T>(item: Codec<T>): Codec<readonly T[]> => ({
    shape: { type: 'list', item: item.shape },
    read(reader) {
      const outer = reader.enter(reader.unsigned(width));
      const items = readAll(reader, item);
      reader.leave(outer);
      return items;
    },
    write(writer, items) {
      const mark = writer.open(width);
      writeAll(writer, item, items);
      writer.close(mark, width);
    },
  });
}

/** Sequences behind their total size in bytes (not in elements), of 8, 16, 24 or 32 bits. */
export const list8 = list(1);
export const list16 = list(2);
export const list24 = list(3);
export const list32 = list(4);

/** A sequence up to the end of the enclosing structure. */
export function untilEnd<T>(item: Codec<T>): Codec<readonly T[]> {
  return {
    shape: { type: 'list', item: item.shape },
    read: (reader) => readAll(reader, item),
    write: (writer, items) => writeAll(writer, item, items),
  };
}

function readAll<T>(reader: Reader, item: Codec<T>): T[] {
  const items: T[] = [];
  try {
    while (reader.remaining > 0) {
      const before = reader.offset;
      items.push(item.read(reader));
      if (reader.offset === before) throw wireFailure('bad-value', 'an element of no bytes');
    }
  } catch (thrown) {
    throw located(thrown, `[${items.length}]`);
  }
  return items;
}

function writeAll<T>(writer: Writer, item: Codec<T>, items: readonly T[]): void {
  if (!Array.isArray(items)) throw wireFailure('bad-value', 'a list is wanted');
  let index = 0;
  try {
    for (; index < items.length; index += 1) item.write(writer, items[index]);
  } catch (thrown) {
    throw located(thrown, `[${index}]`);
  }
}

function sized(width: 1 | 2 | 3 | 4) {
  return <T>(inner: Codec<T>): Codec<T> => ({
    shape: inner.shape,
    read(reader) {
      const outer = reader.enter(reader.unsigned(width));
      const value = inner.read(reader);
      reader.leave(outer);
      return value;
    },
    write(writer, value) {
      const mark = writer.open(width);
      inner.write(writer, value);
      writer.close(mark, width);
    },
  });
}

/** A structure behind its own size, which it must fill exactly. */
export const sized8 = sized(1);
export const sized16 = sized(2);
export const sized32 = sized(4);
