import { createHash } from 'node:crypto';
import { concat } from '#platform/bytes.ts';
import type { IncomingRequest, Response } from '#reload/messaging/exchange.ts';
import type { StorageContext } from '#reload/storage/context.ts';
import { Budget, read } from '#reload/storage/handlers/read.ts';
import { aged } from '#reload/storage/record.ts';
import { encode, opaque32 } from '#reload/wire/codec.ts';
import { HashAlgorithm } from '#reload/wire/codes.ts';
import { type MetaDataValue, type StatKindResponse, statAns, storedMetaData } from '#reload/wire/stat.ts';
import { absentData, type StoredDataValue } from '#reload/wire/stored-data.ts';

/** Handles Stat (RFC 6940 §7.4.3): as Fetch, with a digest in the place of each value and without signatures. */
export function handleStat(context: StorageContext, request: IncomingRequest): Response {
  const now = context.clock.now();
  const budget = new Budget(context, request);
  const kindResponses = read(context, request).map(({ kind, generation, places }): StatKindResponse => {
    const values: Uint8Array[] = [];
    for (const place of places) {
      const { storageTime, lifetime, value } = 'entry' in place ? aged(place.entry, now) : absentData(place.absent);
      const metadata = encode(storedMetaData[kind.dataModel], { storageTime, lifetime, metadata: describe(value) });
      budget.spend(metadata.length);
      values.push(metadata);
    }
    return { kind: kind.id, generation, values: concat(...values) };
  });
  return { body: encode(statAns, { kindResponses }) };
}

/** The digest covers the value behind its length of four bytes (RFC 6940 §7.4.3.2). */
function describe(value: StoredDataValue): MetaDataValue {
  const hashValue = createHash('sha256').update(encode(opaque32, value.value)).digest();
  const { value: bytes, ...place } = value;
  return { ...place, valueLength: bytes.length, hashAlgorithm: HashAlgorithm.sha256, hashValue };
}
