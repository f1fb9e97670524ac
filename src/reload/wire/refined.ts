import type { Codec, Shape } from '#reload/wire/codec.ts';
import { wireFailure } from '#reload/wire/reader.ts';

const PLAIN: Shape = { type: 'plain' };

/** A field that is not on the wire: the same value always, so that structures can be told apart in memory. */
export function literal<const T extends string>(value: T): Codec<T> {
  return {
    shape: PLAIN,
    read: () => value,
    write(_writer, given) {
      if (given !== value) throw wireFailure('bad-value', `${value} is wanted here`);
    },
  };
}

/** A number that stands for a name. Unknown numbers are refused, as for any selector that cannot be skipped. */
export function enumerated<const Names extends Readonly<Record<string, number>>>(
  base: Codec<number>,
  names: Names,
): Codec<keyof Names & string> {
  const byNumber = new Map<number, keyof Names & string>(Object.entries(names).map(([name, n]) => [n, name]));
  return {
    shape: PLAIN,
    read(reader) {
      const number = base.read(reader);
      const name = byNumber.get(number);
      if (name === undefined) throw wireFailure('bad-value', `${number} is not one of ${describe(names)}`);
      return name;
    },
    write(writer, name) {
      if (!Object.hasOwn(names, name)) {
        throw wireFailure('bad-value', `${String(name)} is not one of ${describe(names)}`);
      }
      base.write(writer, names[name] ?? 0);
    },
  };
}

function describe(names: Readonly<Record<string, number>>): string {
  return Object.entries(names)
    .map(([name, number]) => `${number} ${name}`)
    .join(', ');
}

/** A codec for what may be missing where the enclosing structure ends. */
export function optionalAtEnd<T>(inner: Codec<T>): Codec<T | undefined> {
  return {
    shape: inner.shape,
    read: (reader) => (reader.remaining === 0 ? undefined : inner.read(reader)),
    write(writer, value) {
      if (value !== undefined) inner.write(writer, value);
    },
  };
}

/** A codec that refuses values of which `complaint` has something to say, when reading and when writing. */
export function checked<T>(inner: Codec<T>, complaint: (value: T) => string | undefined): Codec<T> {
  function check(value: T): T {
    const detail = complaint(value);
    if (detail !== undefined) throw wireFailure('bad-value', detail);
    return value;
  }
  return {
    shape: inner.shape,
    read: (reader) => check(inner.read(reader)),
    write(writer, value) {
      inner.write(writer, value);
      check(value);
    },
  };
}
