import { type CallPage, type CallQuery, fits } from '#gateway/call-query.ts';
import type { CallRecord } from '#gateway/call-record.ts';
import type { KeyValueNamespace } from '#store/key-value-store.ts';

const DAY_MS = 86_400_000;
/** Records read in one go; sound has its turn in between. */
const BATCH = 200;
/** Keys of so many days are listed at a time, the newest first. */
const WINDOWS = [1, 7, 30, 90, 365, Number.POSITIVE_INFINITY];

type RecordReader = Pick<KeyValueNamespace, 'get' | 'keys'>;

/** Where call records lie in the database. */
export const CALLS_NAMESPACE = 'calls';

/** Sorts by time as text. */
export function timeKey(ms: number): string {
  return String(Math.max(0, Number.isFinite(ms) ? Math.floor(ms) : 0)).padStart(15, '0');
}

export function readCallRecord(bytes: Uint8Array): CallRecord {
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** Finds records, the newest first. Works on a database that another process writes to as well. */
export async function findCalls(records: RecordReader, query: CallQuery, now: number): Promise<CallPage> {
  const calls: CallRecord[] = [];
  const { after, count } = query;
  let read = 0;
  let last: string | undefined;
  for (const keys of windows(records, query, now)) {
    for (const key of keys) {
      if (after !== undefined && key >= after) continue;
      if (calls.length >= count) return { calls, next: last };
      last = key;
      const bytes = records.get(key);
      const record = bytes && readCallRecord(bytes);
      if (record && fits(record, query)) calls.push(record);
      if (++read % BATCH === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }
  return { calls, next: undefined };
}

/** Keys in pieces, the newest first. */
function* windows(records: RecordReader, { since = 0 }: CallQuery, now: number): Iterable<readonly string[]> {
  let oldest: string | undefined;
  for (const days of WINDOWS) {
    const start = Math.max(since, now - days * DAY_MS);
    // The key of a moment sorts before those of its records.
    const keys = Array.from(records.keys('', { after: timeKey(start) }));
    const known = keys.findIndex((key) => oldest !== undefined && key >= oldest);
    const fresh = known < 0 ? keys : keys.slice(0, known);
    oldest = keys[0] ?? oldest;
    yield fresh.reverse();
    if (start === since) return;
  }
}
