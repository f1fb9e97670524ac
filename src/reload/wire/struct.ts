import {
  type Codec,
  type Infer,
  rest,
  type Shape,
  type StructShape,
  sized8,
  sized16,
  sized32,
  type UnionShape,
  u8,
} from '#reload/wire/codec.ts';
import { located, type Reader, wireFailure } from '#reload/wire/reader.ts';
import { requireObject, type Writer } from '#reload/wire/writer.ts';

type Fields = Readonly<Record<string, Codec<unknown>>>;
type Flat<T> = { readonly [K in keyof T]: T[K] };

/** Codecs of objects, which can be joined by `merged`. */
export interface StructCodec<T> extends Codec<T> {
  readInto(reader: Reader, target: Record<string, unknown>): void;
}

/** Fields one after the other, in the order of the declaration. */
export function struct<F extends Fields>(
  fields: F,
): StructCodec<Flat<{ [K in keyof F]: Infer<F[K]> }>> & { readonly shape: StructShape } {
  type T = Flat<{ [K in keyof F]: Infer<F[K]> }>;
  const names = Object.keys(fields);
  const codecs = Object.values(fields);
  const shapes: Record<string, Shape> = {};
  for (const [name, codec] of Object.entries(fields)) shapes[name] = codec.shape;

  function readInto(reader: Reader, target: Record<string, unknown>): void {
    let i = 0;
    try {
      for (; i < names.length; i += 1) target[names[i] ?? ''] = codecs[i]?.read(reader);
    } catch (thrown) {
      throw located(thrown, names[i] ?? '');
    }
  }
  return {
    shape: { type: 'struct', fields: shapes },
    readInto,
    read(reader) {
      const target: Record<string, unknown> = {};
      readInto(reader, target);
      return target as T;
    },
    write(writer, value) {
      const source = asRecord(value);
      let i = 0;
      try {
        for (; i < names.length; i += 1) codecs[i]?.write(writer, source[names[i] ?? '']);
      } catch (thrown) {
        throw located(thrown, names[i] ?? '');
      }
    },
  };
}

type Case = readonly [number, StructCodec<object>];
type Cases = Readonly<Record<string, Case>>;
type Choice<Tag extends string, C extends Cases> = {
  [Name in keyof C & string]: Flat<{ readonly [K in Tag]: Name } & Infer<C[Name][1]>>;
}[keyof C & string];

/**
 * The presentation language's `select`: a number, then the structure it stands for. The tag field of the value holds
 * the case's name. `frame`, one of `sized8/16/32`, stands between when the alternatives have a size of their own.
 */
export function select<Tag extends string, C extends Cases>(
  tag: Tag,
  selector: Codec<number>,
  cases: C,
  frame: <T>(inner: Codec<T>) => Codec<T> = (inner) => inner,
): StructCodec<Choice<Tag, C>> & { readonly shape: UnionShape } {
  const byNumber = new Map<number, readonly [string, Codec<object>]>();
  const shapes: Record<string, Shape> = {};
  const framed = new Map<string, readonly [number, Codec<object>]>();
  for (const [name, [number, codec]] of Object.entries(cases)) {
    const inner = frame(codec);
    byNumber.set(number, [name, inner]);
    framed.set(name, [number, inner]);
    shapes[name] = codec.shape;
  }
  const known = Object.entries(cases)
    .map(([name, [number]]) => `${number} ${name}`)
    .join(', ');

  function readInto(reader: Reader, target: Record<string, unknown>): void {
    const number = readTag(reader, tag, selector);
    const found = byNumber.get(number);
    if (found === undefined) throw wireFailure('bad-value', `${number} is not one of ${known}`, tag);
    target[tag] = found[0];
    Object.assign(target, found[1].read(reader));
  }
  return {
    shape: { type: 'union', tag, cases: shapes },
    readInto,
    read(reader) {
      const target: Record<string, unknown> = {};
      readInto(reader, target);
      return target as Choice<Tag, C>;
    },
    write(writer, value) {
      const name = asRecord(value)[tag];
      const found = typeof name === 'string' ? framed.get(name) : undefined;
      if (found === undefined) throw wireFailure('bad-value', `${String(name)} is not one of ${known}`, tag);
      selector.write(writer, found[0]);
      found[1].write(writer, value);
    },
  };
}

/** What a selector nobody here knows stood for. */
export interface Unknown {
  readonly type: 'unknown';
  readonly code: number;
  readonly data: Uint8Array;
}

/**
 * As `select` with the tag `type`, where each alternative stands behind a size of 8, 16 or 32 bits, so that unknown ones
 * can be skipped: they are kept as bytes. Type 0 is invalid everywhere.
 */
export function selectOrKeep<C extends Cases>(cases: C, width: 1 | 2 | 4): Codec<Choice<'type', C> | Unknown> {
  const frame = width === 1 ? sized8 : width === 2 ? sized16 : sized32;
  const known = select('type', u8, cases, frame);
  const codes = new Set(Object.values(cases).map(([code]) => code));
  return {
    shape: { type: 'union', tag: 'type', cases: { ...known.shape.cases, unknown: unknown.shape } },
    read(reader) {
      if (codes.has(reader.peek())) return known.read(reader);
      return { type: 'unknown', code: checkUnknown(reader.u8(), codes), data: reader.opaque(width) };
    },
    write(writer, value) {
      requireObject(value);
      if (!isUnknown(value)) {
        known.write(writer, value);
        return;
      }
      writer.u8(checkUnknown(value.code, codes));
      writer.opaque(width, value.data);
    },
  };
}

function checkUnknown(code: number, known: ReadonlySet<number>): number {
  if (code === 0 || known.has(code)) throw wireFailure('bad-value', `${code} is not an unknown type`, 'type');
  return code;
}

function isUnknown(value: { readonly type: string }): value is Unknown {
  return value.type === 'unknown';
}

const unknown = struct({ code: u8, data: rest });

function readTag(reader: Reader, tag: string, selector: Codec<number>): number {
  try {
    return selector.read(reader);
  } catch (thrown) {
    throw located(thrown, tag);
  }
}

/** Structures whose fields lie in one object: a struct, the alternatives after it, and more. */
export function merged<A, B, C = unknown>(
  first: StructCodec<A>,
  second: StructCodec<B>,
  third?: StructCodec<C>,
): Codec<A & B & C> {
  const parts: readonly StructCodec<unknown>[] = third === undefined ? [first, second] : [first, second, third];
  return {
    shape: mergedShape(parts.map((part) => part.shape)),
    read(reader) {
      const target: Record<string, unknown> = {};
      for (const part of parts) part.readInto(reader, target);
      return target as A & B & C;
    },
    write(writer: Writer, value) {
      for (const part of parts) part.write(writer, value);
    },
  };
}

function mergedShape(shapes: readonly Shape[]): Shape {
  const common: Record<string, Shape> = {};
  for (const shape of shapes) if (shape.type === 'struct') Object.assign(common, shape.fields);
  const union = shapes.find((shape) => shape.type === 'union');
  if (union === undefined) return { type: 'struct', fields: common };
  const cases: Record<string, Shape> = {};
  for (const [name, shape] of Object.entries(union.cases)) {
    cases[name] = { type: 'struct', fields: { ...common, ...(shape.type === 'struct' ? shape.fields : {}) } };
  }
  return { type: 'union', tag: union.tag, cases };
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  requireObject(value);
  return value as Readonly<Record<string, unknown>>;
}
