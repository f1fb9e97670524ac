import { toHex } from '#platform/bytes.ts';
import { refuse } from '#reload/messaging/refusal.ts';
import { endOf } from '#reload/storage/apply-store.ts';
import { type Entry, placeOf } from '#reload/storage/record.ts';
import { ErrorCode } from '#reload/wire/codes.ts';
import type { ModelSpecifier } from '#reload/wire/fetch.ts';
import type { AbsentPlace } from '#reload/wire/stored-data.ts';

/** A place that a Fetch or Stat asks for: what is there, or the place that is empty. */
export type Selected = { readonly entry: Entry } | { readonly absent: AbsentPlace };

/**
 * The places that a specifier names among the live values of a Kind (RFC 6940 §7.4.2). Empty places are made up for a single value,
 * for named keys, and for gaps of an array up to its last element: the index space itself has no end worth answering.
 */
export function* select(specifier: ModelSpecifier, live: readonly Entry[]): Iterable<Selected> {
  if (specifier.model === 'single') {
    const entry = live[0];
    yield entry === undefined ? { absent: { model: 'single' } } : { entry };
    return;
  }
  const byPlace = new Map(live.map((entry) => [placeOf(entry.data.value), entry]));
  if (specifier.model === 'dictionary') {
    if (specifier.keys.length === 0) for (const entry of live) yield { entry };
    const asked = new Map(specifier.keys.map((key) => [toHex(key), key]));
    for (const [place, key] of asked) {
      const entry = byPlace.get(place);
      yield entry === undefined ? { absent: { model: 'dictionary', key } } : { entry };
    }
    return;
  }
  const end = endOf(live);
  for (const { first, last } of checkedRanges(specifier.indices)) {
    for (let index = first; index <= last && index < end; index += 1) {
      const entry = byPlace.get(String(index));
      yield entry === undefined ? { absent: { model: 'array', index } } : { entry };
    }
  }
}

interface Range {
  readonly first: number;
  readonly last: number;
}

/** First not behind last, and none overlaps another (RFC 6940 §7.4.2.1). */
function checkedRanges(ranges: readonly Range[]): readonly Range[] {
  const sorted = [...ranges].sort((a, b) => a.first - b.first);
  let end = -1;
  for (const { first, last } of sorted) {
    if (first > last) throw refuse(ErrorCode.invalidMessage, `array range ${first} to ${last} is the wrong way round`);
    if (first <= end) throw refuse(ErrorCode.invalidMessage, 'array ranges overlap');
    end = last;
  }
  return ranges;
}
