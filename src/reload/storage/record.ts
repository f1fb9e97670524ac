import { toHex } from '#platform/bytes.ts';
import { type Codec, decode, encode, list16, list32, opaque8, u8, u64 } from '#reload/wire/codec.ts';
import { type DataModel, type StoredData, type StoredDataValue, storedData } from '#reload/wire/stored-data.ts';
import { struct } from '#reload/wire/struct.ts';

/** One stored value with what the storing peer knows of it. */
export interface Entry {
  readonly data: StoredData;
  /** Local time of arrival in milliseconds since 1970; the lifetime counts from here (RFC 6940 §7). */
  readonly receivedAt: number;
  /** Fingerprints of the signer's certificate and the certificates between it and the root. */
  readonly certificates: readonly string[];
}

/** Everything of one Kind at one Resource-ID. */
export interface StoredRecord {
  /** At least 1 (RFC 6940 §7.4.1.1). Outlives its values until they are swept. */
  readonly generation: bigint;
  /** Arrays by index, others in the order of first storing. */
  readonly entries: readonly Entry[];
}

/** The longest lifetime there is, 2^32 - 1 s, lies within the range of exact numbers. */
function expiryOf(entry: Entry): number {
  return entry.receivedAt + entry.data.lifetime * 1000;
}

export function isLive(entry: Entry, now: number): boolean {
  return expiryOf(entry) > now;
}

/**
 * The value with the time already spent here taken from its lifetime, as it is given to others (RFC 6940 §7.4.1.1). Rounded up,
 * so that a value in its last second still has one.
 */
export function aged(entry: Entry, now: number): StoredData {
  const lifetime = Math.min(entry.data.lifetime, Math.max(0, Math.ceil((expiryOf(entry) - now) / 1000)));
  const { storageTime, value, signature } = entry.data;
  return { storageTime, lifetime, value, signature };
}

/** Names the place of a value within its Kind. */
export function placeOf(value: StoredDataValue): string {
  if (value.model === 'single') return '';
  return value.model === 'array' ? String(value.index) : toHex(value.key);
}

const MODELS = ['single', 'array', 'dictionary'] as const;

function recordCodec(model: DataModel) {
  return struct({
    generation: u64,
    entries: list32(struct({ receivedAt: u64, certificates: list16(opaque8), data: storedData[model] })),
  });
}

const CODECS = { single: recordCodec('single'), array: recordCodec('array'), dictionary: recordCodec('dictionary') };

/** On disk: the data model in one byte, then the record. */
export function encodeRecord(model: DataModel, record: StoredRecord): Uint8Array {
  const body = encode(CODECS[model], {
    generation: record.generation,
    entries: record.entries.map((entry) => ({
      receivedAt: BigInt(entry.receivedAt),
      certificates: entry.certificates.map((fingerprint) => Buffer.from(fingerprint, 'hex')),
      data: entry.data,
    })),
  });
  return Buffer.concat([encode(u8, MODELS.indexOf(model)), body]);
}

/** Undefined when the record was written under another data model, which a changed configuration can cause. */
export function decodeRecord(model: DataModel, bytes: Uint8Array): StoredRecord | undefined {
  return bytes[0] === MODELS.indexOf(model) ? decodeBody(CODECS[model], bytes) : undefined;
}

/** Reads a record of whatever data model it has. */
export function decodeAnyRecord(bytes: Uint8Array): { readonly model: DataModel; readonly record: StoredRecord } {
  const model = MODELS[bytes[0] ?? 0] ?? 'single';
  return { model, record: decodeBody(CODECS[model], bytes) };
}

type DiskRecord = ReturnType<typeof recordCodec> extends Codec<infer T> ? T : never;

function decodeBody(codec: Codec<DiskRecord>, bytes: Uint8Array): StoredRecord {
  const { generation, entries } = decode(codec, bytes.subarray(1));
  return {
    generation,
    entries: entries.map((entry) => ({
      receivedAt: Number(entry.receivedAt),
      certificates: entry.certificates.map(toHex),
      data: entry.data,
    })),
  };
}
