import {
  type Codec,
  decode,
  encode,
  type Infer,
  list16,
  list32,
  opaque16,
  opaque32,
  u32,
  u64,
} from '#reload/wire/codec.ts';
import { resourceId } from '#reload/wire/id-codecs.ts';
import { literal } from '#reload/wire/refined.ts';
import type { DataModel } from '#reload/wire/stored-data.ts';
import { struct } from '#reload/wire/struct.ts';

/** What to read of one Kind; `modelSpecifier` is for `decodeModelSpecifier`, since the Kind decides its form (RFC 6940 §7.4.2.1). */
const storedDataSpecifier = struct({ kind: u32, generation: u64, modelSpecifier: opaque16 });

/** Body of a Fetch request. */
export const fetchReq = struct({ resource: resourceId, specifiers: list16(storedDataSpecifier) });

/** `values` is for `decodeStoredData`. */
const fetchKindResponse = struct({ kind: u32, generation: u64, values: opaque32 });
export type FetchKindResponse = Infer<typeof fetchKindResponse>;

/** Body of the answer (RFC 6940 §7.4.2.2). */
export const fetchAns = struct({ kindResponses: list32(fetchKindResponse) });

/** First and last index, both included. The RFC declares them signed but uses 0xffffffff for "to the end". */
const arrayRange = struct({ first: u32, last: u32 });

const single = struct({ model: literal('single') });
const array = struct({ model: literal('array'), indices: list16(arrayRange) });
const dictionary = struct({ model: literal('dictionary'), keys: list16(opaque16) });

/** Which places of a Kind to read; no keys means all of them (RFC 6940 §7.4.2.1). */
export type ModelSpecifier = Infer<typeof single> | Infer<typeof array> | Infer<typeof dictionary>;

/** The codec of the specifier for Kinds of each model. */
export const modelSpecifier: Readonly<Record<DataModel, Codec<ModelSpecifier>>> = { single, array, dictionary };

/** Throws `Failure<WireFault>`. */
export function decodeModelSpecifier(model: DataModel, bytes: Uint8Array): ModelSpecifier {
  return decode(modelSpecifier[model], bytes);
}

export function encodeModelSpecifier(specifier: ModelSpecifier): Uint8Array {
  return encode(modelSpecifier[specifier.model], specifier);
}
