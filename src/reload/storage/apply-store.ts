import { equalBytes } from '#platform/bytes.ts';
import { refuse } from '#reload/messaging/refusal.ts';
import type { KindDefinition } from '#reload/storage/kind.ts';
import { type Entry, isLive, placeOf } from '#reload/storage/record.ts';
import { ErrorCode } from '#reload/wire/codes.ts';
import { APPEND_INDEX, encodeStoredDataValue, type StoredData } from '#reload/wire/stored-data.ts';

/**
 * `owner`: an original Store. `replica`: a copy from another peer; a value that is already here, byte for byte, is no error.
 * `merge`: values fetched from a peer that has newer ones; those that are older than ours are passed over (RFC 6940 §7.4.1.1).
 */
export type StoreMode = 'owner' | 'replica' | 'merge';

export interface Applied {
  readonly entries: readonly Entry[];
  /** The entries that are new, with the index that an appended one was given. */
  readonly stored: readonly Entry[];
}

/**
 * What the values of a Kind are after `incoming` was stored in order. Pure; throws a refusal: storage times must rise at each place,
 * and the limits of the Kind hold (RFC 6940 §7.4.1.1). Values past their lifetime are gone.
 */
export function applyStore(
  kind: KindDefinition,
  present: readonly Entry[],
  incoming: readonly Entry[],
  options: { readonly mode: StoreMode; readonly now: number },
): Applied {
  const places = new Map<string, Entry>();
  for (const entry of present) if (isLive(entry, options.now)) places.set(placeOf(entry.data.value), entry);
  const stored = new Map<string, Entry>();
  for (const offered of incoming) {
    if (isRepeatedAppend(offered, places.values())) continue;
    const entry = withIndex(kind, offered, places);
    const place = placeOf(entry.data.value);
    const previous = places.get(place);
    if (previous !== undefined && entry.data.storageTime <= previous.data.storageTime) {
      if (options.mode === 'merge') continue;
      if (options.mode === 'replica' && isSameValue(previous.data, entry.data)) continue;
      throw refuse(
        ErrorCode.dataTooOld,
        `kind ${kind.name}: a value with storage time ${previous.data.storageTime} is here, ${entry.data.storageTime} is not later`,
      );
    }
    places.set(place, entry);
    stored.set(place, entry);
  }
  if (places.size > kind.maxCount) {
    throw refuse(ErrorCode.dataTooLarge, `kind ${kind.name}: at most ${kind.maxCount} values are kept at one place`);
  }
  const entries = [...places.values()];
  return {
    entries: kind.dataModel === 'array' ? entries.sort((a, b) => indexOf(a) - indexOf(b)) : entries,
    stored: [...stored.values()],
  };
}

/** Appends go behind the last element; indices end at the Kind's count, so that no array can be made huge by one value. */
function withIndex(kind: KindDefinition, entry: Entry, places: ReadonlyMap<string, Entry>): Entry {
  const { value } = entry.data;
  if (value.model !== 'array') return entry;
  const index = value.index === APPEND_INDEX ? endOf(places.values()) : value.index;
  if (index >= kind.maxCount) {
    throw refuse(ErrorCode.dataTooLarge, `kind ${kind.name}: array indices end at ${kind.maxCount - 1}`);
  }
  return { ...entry, data: { ...entry.data, value: { ...value, index } } };
}

/**
 * An append that is here already: its owner had no answer and sent it again, perhaps to another peer. No index is signed, so the
 * storage time, which an owner never uses twice, tells.
 */
function isRepeatedAppend({ data }: Entry, present: Iterable<Entry>): boolean {
  const { value, storageTime } = data;
  if (value.model !== 'array' || value.index !== APPEND_INDEX) return false;
  for (const { data: known } of present) {
    if (known.value.model !== 'array' || known.storageTime !== storageTime) continue;
    if (isSameValue({ ...known, value: { ...known.value, index: APPEND_INDEX } }, data)) return true;
  }
  return false;
}

/** The index behind the last element of an array. */
export function endOf(entries: Iterable<Entry>): number {
  let end = 0;
  for (const entry of entries) end = Math.max(end, indexOf(entry) + 1);
  return end;
}

function indexOf(entry: Entry): number {
  return entry.data.value.model === 'array' ? entry.data.value.index : 0;
}

/** The same signed value; lifetimes differ as time passes, and signatures need not be deterministic. */
function isSameValue(a: StoredData, b: StoredData): boolean {
  return a.storageTime === b.storageTime && equalBytes(encodeStoredDataValue(a.value), encodeStoredDataValue(b.value));
}
