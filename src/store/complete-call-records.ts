import { utf8 } from '#platform/bytes.ts';
import type { Transaction } from '#store/key-value-store.ts';

/** A call record as version 1 wrote it. */
interface OldRecord {
  readonly direction?: unknown;
  readonly answeredAt?: unknown;
  readonly end?: unknown;
  readonly outcome?: unknown;
}

/** What version 1 said of calls that nobody answered, and what that means now: outcome, and cause of ITU-T Q.850. */
const UNANSWERED: Readonly<Record<string, readonly [outcome: string, cause: number]>> = {
  'line: busy': ['busy', 17],
  'line: no-answer': ['missed', 19],
  'line: aborted': ['missed', 16],
};

/** From version 1 to 2: call records say on which line the call was, what became of it and why. Damaged ones are removed. */
export function completeCallRecords(namespace: (name: string) => Transaction): void {
  const calls = namespace('calls');
  for (const key of calls.keys('')) {
    const bytes = calls.get(key);
    const record = bytes && parse(bytes);
    if (record === undefined) calls.remove(key);
    else if (record.outcome === undefined) calls.put(key, utf8(JSON.stringify(complete(record))));
  }
}

function complete(record: OldRecord): object {
  const fromLine = record.direction === 'from-line';
  // The line had no name then, and there was one only.
  if (typeof record.answeredAt === 'number') {
    return { line: '', ...record, outcome: 'answered', answer: fromLine ? 'real' : 'inferred', cause: 16 };
  }
  const [outcome, cause] = UNANSWERED[String(record.end)] ?? (fromLine ? ['missed', 19] : ['failed', 31]);
  return { line: '', ...record, outcome, answer: 'none', cause };
}

function parse(bytes: Uint8Array): OldRecord | undefined {
  try {
    const record: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof record === 'object' && record !== null ? record : undefined;
  } catch {
    return undefined;
  }
}
