import {
  bool,
  type Codec,
  decode,
  encode,
  type Infer,
  opaque16,
  opaque32,
  sized32,
  u32,
  u64,
  untilEnd,
} from '#reload/wire/codec.ts';
import type { WireOptions } from '#reload/wire/reader.ts';
import { literal } from '#reload/wire/refined.ts';
import { ABSENT_SIGNATURE, signature } from '#reload/wire/security-block.ts';
import { struct } from '#reload/wire/struct.ts';

/** How a Kind arranges its values (RFC 6940 §7.2). The wire does not say: the Kind does. */
export type DataModel = 'single' | 'array' | 'dictionary';

/** The index that means "append" in a Store; no element has it (RFC 6940 §7.2.2). */
export const APPEND_INDEX = 0xffffffff;

const single = struct({ model: literal('single'), exists: bool, value: opaque32 });
const array = struct({ model: literal('array'), index: u32, exists: bool, value: opaque32 });
const dictionary = struct({ model: literal('dictionary'), key: opaque16, exists: bool, value: opaque32 });

/** A value and its place in the Kind (RFC 6940 §7.2). `exists` false means removed. */
export type StoredDataValue = Infer<typeof single> | Infer<typeof array> | Infer<typeof dictionary>;

const VALUES: Readonly<Record<DataModel, Codec<StoredDataValue>>> = { single, array, dictionary };

function storedDataCodec(value: Codec<StoredDataValue>) {
  return sized32(struct({ storageTime: u64, lifetime: u32, value, signature }));
}

/** One signed value (RFC 6940 §7): `storageTime` in milliseconds since 1970, `lifetime` in seconds. */
export type StoredData = Infer<ReturnType<typeof storedDataCodec>>;

/** The codec of StoredData for Kinds of each model. */
export const storedData: Readonly<Record<DataModel, Codec<StoredData>>> = {
  single: storedDataCodec(single),
  array: storedDataCodec(array),
  dictionary: storedDataCodec(dictionary),
};

/** Reads the `values` of a StoreKindData or FetchKindResponse. Throws `Failure<WireFault>`. */
export function decodeStoredData(model: DataModel, bytes: Uint8Array, options?: WireOptions): readonly StoredData[] {
  return decode(untilEnd(storedData[model]), bytes, options);
}

export function encodeStoredData(model: DataModel, values: readonly StoredData[]): Uint8Array {
  return encode(untilEnd(storedData[model]), values);
}

/** The value as the signature input has it, without the model, which is not on the wire (RFC 6940 §7.1). */
export function encodeStoredDataValue(value: StoredDataValue): Uint8Array {
  return encode(VALUES[value.model], value);
}

/** What a Fetch answers for a place that holds nothing (RFC 6940 §7.4.2.2). */
export function absentData(place: AbsentPlace): StoredData {
  const value: StoredDataValue = { ...place, exists: false, value: new Uint8Array() };
  return { storageTime: 0n, lifetime: 0, value, signature: ABSENT_SIGNATURE };
}

export type AbsentPlace =
  | { readonly model: 'single' }
  | { readonly model: 'array'; readonly index: number }
  | { readonly model: 'dictionary'; readonly key: Uint8Array };
