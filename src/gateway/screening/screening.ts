import type { CallerId, LineCall } from '#pstn/line.ts';

/** What becomes of a ring, by who calls. */
export type Verdict =
  | { readonly action: 'ring'; readonly why: string }
  /** Nobody here takes notice; the line rings until the caller gives up. */
  | { readonly action: 'ignore'; readonly why: string }
  /** Answered and hung up at once, before the second ring. */
  | { readonly action: 'hang-up'; readonly why: string }
  /** Answered by `challenge`; only who passes makes phones ring. */
  | { readonly action: 'challenge'; readonly why: string }
  /** Straight to voice mail. */
  | { readonly action: 'voice-mail'; readonly why: string };

/** Decides about callers from the line, before any phone rings. */
export interface Screening {
  judge(callerId: CallerId, line: string): Verdict;
  /** Asks an answered caller to press a key; true when the caller did. Never rejects; false when the call ended meanwhile. */
  challenge(call: LineCall, signal: AbortSignal): Promise<boolean>;
}
