import {
  bool,
  type Codec,
  decode,
  type Infer,
  list32,
  opaque8,
  opaque16,
  opaque32,
  sized32,
  u8,
  u32,
  u64,
  untilEnd,
} from '#reload/wire/codec.ts';
import { literal } from '#reload/wire/refined.ts';
import type { DataModel } from '#reload/wire/stored-data.ts';
import { struct } from '#reload/wire/struct.ts';

/** What stands for the value itself; the hash is over a length of four bytes and the value (RFC 6940 §7.4.3.2). */
const metaData = { exists: bool, valueLength: u32, hashAlgorithm: u8, hashValue: opaque8 } as const;

const single = struct({ model: literal('single'), ...metaData });
const array = struct({ model: literal('array'), index: u32, ...metaData });
const dictionary = struct({ model: literal('dictionary'), key: opaque16, ...metaData });

/** A value's place and metadata (RFC 6940 §7.4.3.2). */
export type MetaDataValue = Infer<typeof single> | Infer<typeof array> | Infer<typeof dictionary>;

function storedMetaDataCodec(metadata: Codec<MetaDataValue>) {
  return sized32(struct({ storageTime: u64, lifetime: u32, metadata }));
}

/** Its size prefix stands where StoredData has its length, though the RFC calls it value_length too. */
type StoredMetaData = Infer<ReturnType<typeof storedMetaDataCodec>>;

/** The codec of StoredMetaData for Kinds of each model. */
export const storedMetaData: Readonly<Record<DataModel, Codec<StoredMetaData>>> = {
  single: storedMetaDataCodec(single),
  array: storedMetaDataCodec(array),
  dictionary: storedMetaDataCodec(dictionary),
};

/** `values` is for `decodeStoredMetaData`. */
const statKindResponse = struct({ kind: u32, generation: u64, values: opaque32 });
export type StatKindResponse = Infer<typeof statKindResponse>;

/** Body of the answer to a Stat, whose request has the form of a Fetch request (RFC 6940 §7.4.3). */
export const statAns = struct({ kindResponses: list32(statKindResponse) });

/** Throws `Failure<WireFault>`. */
export function decodeStoredMetaData(model: DataModel, bytes: Uint8Array): readonly StoredMetaData[] {
  return decode(untilEnd(storedMetaData[model]), bytes);
}
