export type MessageDropReason =
  | 'malformed'
  | 'signature'
  | 'unexpected-answer'
  | 'origin'
  | 'overload'
  | 'unbound'
  | 'unparsable-body';

/** What messaging counted since the start, for status and tests. */
export interface MessengerCounters {
  requestsSent: number;
  requestsReceived: number;
  duplicates: number;
  errorsSent: number;
  readonly dropped: Partial<Record<MessageDropReason, number>>;
}
