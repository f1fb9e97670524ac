import { type CallOutcome, type CallRecord, callOutcomes } from '#gateway/call-record.ts';
import { Failure } from '#platform/failure.ts';

interface CallQueryFault {
  readonly code: 'bad-query';
}

/** Which records are wanted, the newest first. */
export interface CallQuery {
  /** How many at most. */
  readonly count: number;
  /** Milliseconds since 1970, of the start: from and, exclusively, until. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  readonly direction?: CallRecord['direction'] | undefined;
  readonly outcomes?: readonly CallOutcome[] | undefined;
  /** A part of the caller's number, user name or name. */
  readonly caller?: string | undefined;
  readonly callee?: string | undefined;
  readonly line?: string | undefined;
  /** `next` of the page before. */
  readonly after?: string | undefined;
}

export interface CallPage {
  readonly calls: readonly CallRecord[];
  /** Asks for the next page; undefined when there is none. */
  readonly next: string | undefined;
}

export const MAX_PAGE = 1000;
const MAX_TEXT = 254;
/** The largest time that a Date holds. */
const MAX_TIME = 8.64e15;

/** Reads a query from outside. Throws `Failure<CallQueryFault>` with what is wrong about it. */
export function readCallQuery(request: Readonly<Record<string, unknown>>): CallQuery {
  const { count = 20, since, until, direction, outcomes, after } = request;
  return {
    count: whole('count', count, 1, MAX_PAGE),
    since: since === undefined ? undefined : whole('since', since, 0, MAX_TIME),
    until: until === undefined ? undefined : whole('until', until, 0, MAX_TIME),
    direction: direction === undefined ? undefined : oneOf('direction', direction, ['to-line', 'from-line'] as const),
    outcomes: outcomes === undefined ? undefined : list(outcomes).map((one) => oneOf('outcomes', one, callOutcomes)),
    caller: text('caller', request.caller),
    callee: text('callee', request.callee),
    line: text('line', request.line),
    after: text('after', after),
  };
}

export function fits(record: CallRecord, query: CallQuery): boolean {
  const { since, until, direction, outcomes, caller, callee, line } = query;
  if (since !== undefined && record.startedAt < since) return false;
  if (until !== undefined && record.startedAt >= until) return false;
  if (direction !== undefined && record.direction !== direction) return false;
  if (outcomes !== undefined && !outcomes.includes(record.outcome)) return false;
  if (line !== undefined && record.line !== line) return false;
  return (
    (caller === undefined || contains(`${record.caller} ${record.callerName ?? ''}`, caller)) &&
    (callee === undefined || contains(record.callee, callee))
  );
}

function contains(whole: string, part: string): boolean {
  return whole.toLowerCase().includes(part.toLowerCase());
}

function whole(name: string, value: unknown, least: number, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw bad(`${name} is a whole number from ${least} to ${most}`);
}

function text(name: string, value: unknown): string | undefined {
  if (value === undefined || (typeof value === 'string' && value.length <= MAX_TEXT)) return value;
  throw bad(`${name} is a text of at most ${MAX_TEXT} characters`);
}

function list(value: unknown): readonly unknown[] {
  if (Array.isArray(value) && value.length <= callOutcomes.length) return value;
  throw bad('outcomes are a list');
}

function oneOf<const Choice extends string>(name: string, value: unknown, choices: readonly Choice[]): Choice {
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw bad(`${name}: give one of ${choices.join(', ')}`);
  return choice;
}

function bad(detail: string): Failure<CallQueryFault> {
  return new Failure<CallQueryFault>({ code: 'bad-query' }, detail);
}
