import type { CallRecord } from '#gateway/call-record.ts';

/** What is kept of telephone numbers and names from the line. */
export type NumberKeeping = 'full' | 'masked' | 'none';

/** The last digits, which tell people apart, are left out. */
const HIDDEN = 4;
/** Shorter numbers are services or extensions, and nobody's own. */
const SHORTEST = 7;

/** Leaves out of a record what says who was at the other end of the line. Users of the overlay stay: their budgets are counted by them. */
export function maskNumbers(record: CallRecord, keeping: NumberKeeping): CallRecord {
  if (keeping === 'full') return record;
  const { direction, caller, callee } = record;
  return direction === 'from-line'
    ? { ...record, caller: mask(caller, keeping), callerName: undefined }
    : { ...record, callee: mask(callee, keeping) };
}

function mask(number: string, keeping: 'masked' | 'none'): string {
  if (!/^\+?[0-9*#]+$/.test(number) || number.length < SHORTEST) return number;
  return keeping === 'none' ? 'not kept' : number.slice(0, -HIDDEN) + 'x'.repeat(HIDDEN);
}
