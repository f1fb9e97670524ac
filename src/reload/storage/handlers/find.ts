import type { IncomingRequest, Response } from '#reload/messaging/exchange.ts';
import { refuse } from '#reload/messaging/refusal.ts';
import type { StorageContext } from '#reload/storage/context.ts';
import { requireOnce } from '#reload/storage/handlers/checks.ts';
import type { KindDefinition } from '#reload/storage/kind.ts';
import { isLive } from '#reload/storage/record.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { ErrorCode } from '#reload/wire/codes.ts';
import { type FindKindData, findAns, findReq } from '#reload/wire/find.ts';
import { NODE_ID_LENGTH, type ResourceId } from '#reload/wire/ids.ts';

/** Stands for "nothing" (RFC 6940 §7.4.4.2), and is where the ring begins again. */
const ZERO = '0'.repeat(2 * NODE_ID_LENGTH) as ResourceId;

/** Copies of foreign resources passed over for one answer. */
const MAX_SKIPPED = 10_000;

/**
 * Handles Find (RFC 6940 §7.4.4). The closest resource is the first at or after the one asked for, clockwise, among those this peer
 * is responsible for: then asking again from one place further walks the whole ring.
 */
export function handleFind(context: StorageContext, request: IncomingRequest): Response {
  const { resource, kinds } = decode(findReq, request.body);
  requireOnce(kinds);
  if (!context.responsibility.isResponsible(resource)) {
    throw refuse(ErrorCode.notFound, 'this peer is not responsible for the resource');
  }
  const results = kinds.flatMap((id): FindKindData[] => {
    const kind = context.kinds.get(id);
    if (kind?.unlisted === true) return [];
    return [{ kind: id, closest: kind === undefined ? ZERO : (closest(context, kind, resource) ?? ZERO) }];
  });
  return { body: encode(findAns, { results }) };
}

function closest(context: StorageContext, kind: KindDefinition, from: ResourceId): ResourceId | undefined {
  const { records, responsibility, clock } = context;
  const now = clock.now();
  let skipped = 0;
  for (const start of [from, ZERO]) {
    for (const resource of records.resources(kind.id, start)) {
      if (start === ZERO && resource >= from) return undefined;
      const record = responsibility.isResponsible(resource)
        ? records.read({ kind: kind.id, resource }, kind.dataModel)
        : undefined;
      if (record?.entries.some((entry) => isLive(entry, now))) return resource;
      skipped += 1;
      if (skipped > MAX_SKIPPED) return undefined;
    }
  }
  return undefined;
}
