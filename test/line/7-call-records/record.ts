import type { CallRecord } from '#gateway/call-record.ts';

/** A call that alice made: answered, a minute long. */
export function callRecord(changes: Partial<CallRecord> = {}): CallRecord {
  const startedAt = changes.startedAt ?? Date.UTC(2026, 10, 23, 12);
  return {
    ...{
      direction: 'to-line',
      line: 'line',
      caller: 'alice@home.example',
      callerName: undefined,
      callee: '+4930123456',
    },
    ...{ startedAt, answeredAt: startedAt + 5000, endedAt: startedAt + 65_000 },
    ...{ outcome: 'answered', answer: 'inferred', end: 'phone: hung up', cause: 16 },
    ...changes,
  };
}
