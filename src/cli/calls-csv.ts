import type { CallRecord } from '#gateway/call-record.ts';

type Cell = string | number | undefined;

const COLUMNS: readonly (readonly [name: string, value: (record: CallRecord) => Cell])[] = [
  ['started', ({ startedAt }) => iso(startedAt)],
  ['answered', ({ answeredAt }) => (answeredAt === undefined ? undefined : iso(answeredAt))],
  ['ended', ({ endedAt }) => iso(endedAt)],
  ['seconds', ({ answeredAt, endedAt }) => (answeredAt === undefined ? 0 : Math.round((endedAt - answeredAt) / 1000))],
  ['direction', ({ direction }) => direction],
  ['line', ({ line }) => line],
  ['caller', ({ caller }) => caller],
  ['caller_name', ({ callerName }) => callerName],
  ['callee', ({ callee }) => callee],
  ['outcome', ({ outcome }) => outcome],
  ['answer', ({ answer }) => answer],
  ['end', ({ end }) => end],
  ['cause', ({ cause }) => cause],
  ['emergency', ({ emergency }) => (emergency ? 'yes' : 'no')],
];

/** Call records as comma-separated values (RFC 4180), times in UTC. Lines are given without their line ends. */
export const callsCsv = {
  header: COLUMNS.map(([name]) => name).join(','),
  row: (record: CallRecord): string => COLUMNS.map(([, value]) => cell(value(record))).join(','),
};

/**
 * A caller's name comes from strangers: what a spreadsheet would take for a formula (=, +, -, @, tab, carriage return at the front) gets an
 * apostrophe before it, except for telephone numbers, which begin with a plus sign and can do no harm. Other control characters become spaces.
 */
function cell(value: Cell): string {
  if (typeof value !== 'string') return String(value ?? '');
  const isNumber = /^\+\d{1,15}x{0,4}$/.test(value);
  const guarded = /^[=+\-@\t\r]/.test(value) && !isNumber ? `'${value}` : value;
  const clean = Array.from(guarded, (character) => (character < ' ' || character === '\x7f' ? ' ' : character)).join(
    '',
  );
  return /[",]/.test(clean) ? `"${clean.replaceAll('"', '""')}"` : clean;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
