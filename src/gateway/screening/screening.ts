import type { CallerId, LineCall } from '#pstn/line.ts';

/** What becomes of a ring, by who calls. */
export interface Verdict {
  readonly action: ScreeningAction;
  readonly why: string;
}

type ScreeningAction =
  | 'ring'
  /** Answered by `challenge`; only who passes makes phones ring. */
  | 'challenge'
  /** Straight to voice mail. */
  | 'voice-mail'
  /** Answered and hung up at once, before the second ring. */
  | 'hang-up'
  /** Nobody here takes notice; the line rings until the caller gives up. */
  | 'ignore';

/** Decides about callers from the line, before any phone rings. */
export interface Screening {
  judge(callerId: CallerId, line: string): Verdict;
  /** Asks an answered caller to press a key; true when the caller did. Never rejects; false when the call ended meanwhile. */
  challenge(call: LineCall, callerId: CallerId, signal: AbortSignal): Promise<boolean>;
}
