/** One finished call, or one that was refused. Times are milliseconds since 1970. */
export interface CallRecord {
  readonly direction: 'to-line' | 'from-line';
  /** The line's name; empty when the call came to no line. */
  readonly line: string;
  /** The user, or the number the line told; `withheld` or `unavailable` when it told none. */
  readonly caller: string;
  readonly callerName: string | undefined;
  readonly callee: string;
  readonly startedAt: number;
  readonly answeredAt: number | undefined;
  readonly endedAt: number;
  readonly outcome: CallOutcome;
  /** How the answer became known; `none` without one. On an analog line an outgoing answer is often inferred. */
  readonly answer: 'none' | 'inferred' | 'real';
  /** Who or what ended it, in words: `line: busy-tone`, `phone: hung up`. */
  readonly end: string;
  /** ITU-T Q.850 cause value. */
  readonly cause: number;
  /** A call to an emergency number, or to one that is treated as such. */
  readonly emergency?: boolean;
  /** The modem carried sound one way at a time. */
  readonly halfDuplex?: boolean;
}

export const callOutcomes = [
  'answered',
  /** Nobody answered, or the caller gave up. */
  'missed',
  /** The number called is busy. */
  'busy',
  /** The dial plan or a budget said no. */
  'refused',
  /** Screening kept the caller out. */
  'blocked',
  'voice-mail',
  'fax',
  'failed',
] as const;

export type CallOutcome = (typeof callOutcomes)[number];
