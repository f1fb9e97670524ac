import type { IncomingRequest, Response } from '#reload/messaging/exchange.ts';
import { refuse } from '#reload/messaging/refusal.ts';
import { applyStore } from '#reload/storage/apply-store.ts';
import { type StorageContext, writerOf } from '#reload/storage/context.ts';
import { requireKnown, requireOnce } from '#reload/storage/handlers/checks.ts';
import type { HandoverCopies } from '#reload/storage/handover-copies.ts';
import type { KindDefinition } from '#reload/storage/kind.ts';
import type { Entry, StoredRecord } from '#reload/storage/record.ts';
import type { RecordTransaction } from '#reload/storage/record-table.ts';
import type { Change, Replicator } from '#reload/storage/replicator.ts';
import type { ValueVerification, VerifiedOffer } from '#reload/storage/value-verification.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { ErrorCode } from '#reload/wire/codes.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';
import { type StoreKindResponse, storeAns, storeReq } from '#reload/wire/store.ts';
import { decodeStoredData, type StoredData } from '#reload/wire/stored-data.ts';

export interface StoreParts {
  readonly verification: ValueVerification;
  readonly replicator: Replicator;
  readonly copies: HandoverCopies;
  /** Most records this node keeps: some Kinds let one member write at any number of places. */
  readonly maxRecords: number;
  /** Most values of one signer that come by original Stores; replicas were counted where they come from. */
  readonly maxValuesPerSigner: number;
}

interface Write {
  readonly kind: KindDefinition;
  readonly generation: bigint;
  readonly values: readonly StoredData[];
}

interface VerifiedWrite extends Write {
  readonly offer: VerifiedOffer;
}

interface Outcome {
  readonly kind: KindDefinition;
  readonly generation: bigint;
  readonly stored: readonly Entry[];
}

/**
 * Handles Store (RFC 6940 §7.4.1). Signatures are verified first; then one transaction, which nothing can interrupt, checks
 * what other Stores may have changed meanwhile and writes all or nothing. The answer leaves after the commit, and after both replicas
 * acknowledged or the short wait for them was over.
 */
export async function handleStore(
  context: StorageContext,
  parts: StoreParts,
  request: IncomingRequest,
): Promise<Response> {
  const { resource, replicaNumber, kindData } = decode(storeReq, request.body);
  requireOnce(kindData.map(({ kind }) => kind));
  const isOriginal = replicaNumber === 0;
  checkOrigin(context, resource, isOriginal ? undefined : request.signatory.nodeId);
  const kinds = requireKnown(
    context.kinds,
    kindData.map(({ kind }) => kind),
  );
  const writes = kindData.flatMap(({ kind: id, generationCounter, values }): Write[] => {
    const kind = kinds.get(id);
    if (kind === undefined) return [];
    return [{ kind, generation: generationCounter, values: decodeStoredData(kind.dataModel, values) }];
  });
  for (const write of writes) checkBeforeSignatures(write, { request, resource, isOriginal });
  const verified: VerifiedWrite[] = [];
  for (const write of writes) {
    const offer = await parts.verification.admit({ ...write, resource, certificates: request.certificates });
    verified.push({ ...write, offer });
  }
  if (!isOriginal) {
    const outcomes = await context.records.update((t) => storeReplica(context, t, resource, verified));
    return answer(outcomes, []);
  }
  const endChange = parts.copies.beginChange(verified.map(({ kind }) => ({ kind: kind.id, resource })));
  let copied: Promise<unknown> = Promise.resolve();
  const outcomes = await context.records
    .update((t) => {
      // Responsibility may have moved while signatures were checked; a Store after that would be lost.
      checkOrigin(context, resource, undefined);
      if (context.records.count >= parts.maxRecords) requireKnownPlace(t, resource, verified);
      return storeOriginal(context, t, { resource, limit: parts.maxValuesPerSigner }, verified);
    })
    .finally(() => {
      copied = endChange();
    });
  const changes = outcomes.map(
    ({ kind, generation, stored }): Change => ({ kind, resource, generation, entries: stored }),
  );
  return answer(outcomes, await parts.replicator.replicate(changes, copied));
}

/** `replicaFrom` is undefined for an owner's Store. */
function checkOrigin({ responsibility }: StorageContext, resource: ResourceId, replicaFrom: NodeId | undefined): void {
  if (replicaFrom === undefined) {
    if (responsibility.isResponsible(resource)) return;
    throw refuse(ErrorCode.forbidden, 'this peer is not responsible for the resource');
  }
  if (responsibility.acceptsReplica(resource, replicaFrom)) return;
  throw refuse(ErrorCode.forbidden, 'this peer expects no replica of the resource from there');
}

/** Cheap refusals come before signatures (RFC 7904 §8.1): whether the sender itself may write, and sizes. */
function checkBeforeSignatures(
  { kind, generation, values }: Write,
  store: { readonly request: IncomingRequest; readonly resource: ResourceId; readonly isOriginal: boolean },
): void {
  if (!store.isOriginal && generation === 0n) {
    throw refuse(ErrorCode.forbidden, 'a replica has a generation counter of at least 1');
  }
  const signer = writerOf(store.request.signatory);
  for (const { value } of values) {
    const reason = store.isOriginal ? kind.permits({ resource: store.resource, value, signer }) : undefined;
    if (reason !== undefined) throw refuse(ErrorCode.forbidden, `kind ${kind.name}: ${reason}`);
    if (value.value.length > kind.maxSize) {
      throw refuse(ErrorCode.dataTooLarge, `kind ${kind.name}: a value has at most ${kind.maxSize} bytes`);
    }
  }
}

/** Once the table is full only places that exist already are written. */
function requireKnownPlace(t: RecordTransaction, resource: ResourceId, writes: readonly VerifiedWrite[]): void {
  for (const { kind } of writes) {
    if (t.read({ kind: kind.id, resource }, kind.dataModel) !== undefined) continue;
    throw refuse(ErrorCode.dataTooLarge, 'this peer holds as many records as it may');
  }
}

function storeOriginal(
  context: StorageContext,
  t: RecordTransaction,
  { resource, limit }: { readonly resource: ResourceId; readonly limit: number },
  writes: readonly VerifiedWrite[],
): Outcome[] {
  const present = writes.map(({ kind }) => t.read({ kind: kind.id, resource }, kind.dataModel));
  if (writes.some(({ generation }, i) => generation !== 0n && generation !== (present[i]?.generation ?? 0n))) {
    const kindResponses = writes.map(
      ({ kind }, i): StoreKindResponse => ({
        kind: kind.id,
        generationCounter: present[i]?.generation ?? 0n,
        replicas: [],
      }),
    );
    throw refuse(ErrorCode.generationCounterTooLow, encode(storeAns, { kindResponses }));
  }
  const now = context.clock.now();
  return writes.map(({ kind, offer }, i) => {
    const record = present[i] ?? { generation: 0n, entries: [] };
    const applied = applyStore(kind, record.entries, offer.entries, { mode: 'owner', now });
    requireShare(t, { before: record.entries, after: applied.entries }, limit);
    const generation = applied.stored.length > 0 ? record.generation + 1n : record.generation;
    const name = { kind: kind.id, resource };
    t.write(name, kind.dataModel, { generation, entries: applied.entries }, offer.certificates);
    return { kind, generation, stored: applied.stored };
  });
}

/** Whoever adds to what it has here may not have too much. Replacing, and removing what is here, is always possible. */
function requireShare(
  t: RecordTransaction,
  { before, after }: { readonly before: readonly Entry[]; readonly after: readonly Entry[] },
  limit: number,
): void {
  const growth = new Map<string, number>();
  const count = (entries: readonly Entry[], step: number) => {
    for (const {
      certificates: [signer = ''],
    } of entries)
      growth.set(signer, (growth.get(signer) ?? 0) + step);
  };
  count(before, -1);
  count(after, 1);
  for (const [signer, more] of growth) {
    if (more <= 0 || t.references(signer) + more <= limit) continue;
    throw refuse(ErrorCode.dataTooLarge, 'this peer holds as many values of one member as it may');
  }
}

/** Whatever the counter is here, nothing is refused for it (RFC 6940 §7.4.1.1). */
function storeReplica(
  context: StorageContext,
  t: RecordTransaction,
  resource: ResourceId,
  writes: readonly VerifiedWrite[],
): Outcome[] {
  const now = context.clock.now();
  return writes.map(({ kind, generation, offer }) => {
    const name = { kind: kind.id, resource };
    const record = t.read(name, kind.dataModel);
    const applied = applyStore(kind, record?.entries ?? [], offer.entries, { mode: 'replica', now });
    const counter = isLate(record, generation, offer) ? record.generation : generation;
    t.write(name, kind.dataModel, { generation: counter, entries: applied.entries }, offer.certificates);
    return { kind, generation: counter, stored: applied.stored };
  });
}

/**
 * Whether a copy was overtaken on its way by a later one: then its counter is not that of the original any more, and taking it over
 * would set back a counter that was acknowledged.
 */
function isLate(
  record: StoredRecord | undefined,
  generation: bigint,
  { entries }: VerifiedOffer,
): record is StoredRecord {
  if (record === undefined || generation >= record.generation) return false;
  const isEarlier = (present: Entry) => entries.every(({ data }) => data.storageTime < present.data.storageTime);
  return record.entries.some(isEarlier);
}

function answer(outcomes: readonly Outcome[], replicas: readonly NodeId[]): Response {
  const kindResponses = outcomes.map(
    ({ kind, generation }): StoreKindResponse => ({ kind: kind.id, generationCounter: generation, replicas }),
  );
  return { body: encode(storeAns, { kindResponses }) };
}
