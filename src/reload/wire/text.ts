import { isUtf8 } from 'node:buffer';
import { utf8 } from '#platform/bytes.ts';
import type { Codec, Shape } from '#reload/wire/codec.ts';
import { wireFailure } from '#reload/wire/reader.ts';

const PLAIN: Shape = { type: 'plain' };

function text(width: 1 | 2): Codec<string> {
  return {
    shape: PLAIN,
    read: (reader) => readText(reader.opaque(width)),
    write: (writer, value) => writer.opaque(width, textBytes(value)),
  };
}

/** UTF-8 texts behind a length of 8 or 16 bits. Bytes that are not UTF-8 are refused, since they could not be written again. */
export const text8 = text(1);
export const text16 = text(2);

/** A text up to the end of the enclosing structure. */
export const textToEnd: Codec<string> = {
  shape: PLAIN,
  read: (reader) => readText(reader.rest()),
  write: (writer, value) => writer.raw(textBytes(value)),
};

function readText(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw wireFailure('bad-value', 'the text is not UTF-8');
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

function textBytes(value: string): Uint8Array {
  if (typeof value !== 'string' || /\p{Surrogate}/u.test(value)) {
    throw wireFailure('bad-value', 'a text without lone surrogates is wanted');
  }
  return utf8(value);
}

/**
 * A byte string that should be ASCII, one character a byte (ISO 8859-1): for `opaque` fields that the RFC fills with
 * text without saying what other bytes would mean, so that these survive too.
 */
export const ascii8 = ascii(1);
export const ascii16 = ascii(2);

function ascii(width: 1 | 2): Codec<string> {
  return {
    shape: PLAIN,
    read(reader) {
      const bytes = reader.opaque(width);
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    },
    write(writer, value) {
      if (typeof value !== 'string' || /[^\0-\xff]/.test(value)) {
        throw wireFailure('bad-value', 'a text of characters up to U+00FF is wanted');
      }
      writer.opaque(width, Buffer.from(value, 'latin1'));
    },
  };
}
