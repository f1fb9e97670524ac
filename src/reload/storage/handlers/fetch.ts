import { concat } from '#platform/bytes.ts';
import type { IncomingRequest, Response } from '#reload/messaging/exchange.ts';
import type { StorageContext } from '#reload/storage/context.ts';
import { Budget, read } from '#reload/storage/handlers/read.ts';
import { aged } from '#reload/storage/record.ts';
import { encode } from '#reload/wire/codec.ts';
import { type FetchKindResponse, fetchAns } from '#reload/wire/fetch.ts';
import { absentData, storedData } from '#reload/wire/stored-data.ts';

/**
 * Handles Fetch (RFC 6940 §7.4.2). Whatever is stored here is served, responsible or not, so that replicas can be checked.
 * Lifetimes are what remains of them. The certificates of all signers travel along.
 */
export function handleFetch(context: StorageContext, request: IncomingRequest): Response {
  const now = context.clock.now();
  const budget = new Budget(context, request);
  const certificates = new Map<string, Uint8Array>();
  const kindResponses = read(context, request).map(({ kind, generation, places }): FetchKindResponse => {
    const codec = storedData[kind.dataModel];
    const values: Uint8Array[] = [];
    for (const place of places) {
      const data = encode(codec, 'entry' in place ? aged(place.entry, now) : absentData(place.absent));
      budget.spend(data.length);
      values.push(data);
      for (const fingerprint of 'entry' in place ? place.entry.certificates : []) {
        if (certificates.has(fingerprint)) continue;
        const der = context.records.certificate(fingerprint);
        if (der === undefined) continue;
        budget.spend(der.length);
        certificates.set(fingerprint, der);
      }
    }
    return { kind: kind.id, generation, values: concat(...values) };
  });
  return { body: encode(fetchAns, { kindResponses }), certificates: [...certificates.values()] };
}
