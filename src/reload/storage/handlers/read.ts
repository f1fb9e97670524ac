import type { IncomingRequest } from '#reload/messaging/exchange.ts';
import { refuse } from '#reload/messaging/refusal.ts';
import type { StorageContext } from '#reload/storage/context.ts';
import { requireKnown, requireOnce } from '#reload/storage/handlers/checks.ts';
import type { KindDefinition } from '#reload/storage/kind.ts';
import { isLive } from '#reload/storage/record.ts';
import { type Selected, select } from '#reload/storage/selection.ts';
import { decode } from '#reload/wire/codec.ts';
import { ErrorCode } from '#reload/wire/codes.ts';
import { decodeModelSpecifier, fetchReq } from '#reload/wire/fetch.ts';

/** What a Fetch or Stat finds of one Kind. */
export interface Reading {
  readonly kind: KindDefinition;
  /** 0 when nothing was ever stored. */
  readonly generation: bigint;
  readonly places: Iterable<Selected>;
}

/** The common part of Fetch and Stat, whose requests are the same (RFC 6940 §7.4.2.1, §7.4.3.1). */
export function read(context: StorageContext, request: IncomingRequest): readonly Reading[] {
  const { resource, specifiers } = decode(fetchReq, request.body);
  requireOnce(specifiers.map(({ kind }) => kind));
  const kinds = requireKnown(
    context.kinds,
    specifiers.map(({ kind }) => kind),
  );
  const now = context.clock.now();
  return specifiers.flatMap(({ kind: id, generation: seen, modelSpecifier }): Reading[] => {
    const kind = kinds.get(id);
    if (kind === undefined) return [];
    const specifier = decodeModelSpecifier(kind.dataModel, modelSpecifier);
    const record = context.records.read({ kind: id, resource }, kind.dataModel);
    const generation = record?.generation ?? 0n;
    if (seen !== 0n && seen === generation) return [{ kind, generation, places: [] }];
    const live = (record?.entries ?? []).filter((entry) => isLive(entry, now));
    return [{ kind, generation, places: select(specifier, live) }];
  });
}

/** Counts the bytes of an answer while it is being made, so that no request can have a huge one built for nothing. */
export class Budget {
  #left: number;

  constructor(context: StorageContext, request: IncomingRequest) {
    const { maxMessageSize } = context.configuration.current;
    const wanted = request.header.maxResponseLength;
    this.#left = wanted === 0 ? maxMessageSize : Math.min(wanted, maxMessageSize);
  }

  spend(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) throw refuse(ErrorCode.responseTooLarge, 'ask for fewer values at a time');
  }
}
