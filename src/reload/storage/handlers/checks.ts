import { refuse } from '#reload/messaging/refusal.ts';
import type { Kinds } from '#reload/storage/context.ts';
import type { KindDefinition } from '#reload/storage/kind.ts';
import { encode } from '#reload/wire/codec.ts';
import { ErrorCode } from '#reload/wire/codes.ts';
import { unknownKinds } from '#reload/wire/error.ts';

/** The list's length is one byte. */
const MAX_UNKNOWN = 63;

/** No Kind may occur twice in a Store, Fetch, Stat or Find (RFC 6940 §7.4.1.1, §7.4.4.1). */
export function requireOnce(kinds: readonly number[]): void {
  if (new Set(kinds).size === kinds.length) return;
  throw refuse(ErrorCode.invalidMessage, 'a Kind occurs twice in the request');
}

/** The definitions of all `ids`, or Error_Unknown_Kind with a list of those that have none (RFC 6940 §7.4.1.2). */
export function requireKnown(kinds: Kinds, ids: readonly number[]): ReadonlyMap<number, KindDefinition> {
  const known = new Map<number, KindDefinition>();
  const unknown: number[] = [];
  for (const id of ids) {
    const kind = kinds.get(id);
    if (kind === undefined) unknown.push(id);
    else known.set(id, kind);
  }
  if (unknown.length === 0) return known;
  throw refuse(ErrorCode.unknownKind, encode(unknownKinds, unknown.slice(0, MAX_UNKNOWN)));
}
