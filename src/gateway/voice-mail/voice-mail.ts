import type { CallerId, LineCall } from '#pstn/line.ts';

/** A call from the line that nobody took. */
export interface MissedCaller {
  readonly callerId: CallerId;
  readonly line: string;
  /** The mailbox: a user of the overlay. */
  readonly user: string;
}

/** Reason of the signal of `take` when a fax machine was heard: nothing is kept. */
export const FAX = 'fax';

export type VoiceMailEnd =
  | { readonly left: true; readonly messageId: string; readonly seconds: number }
  /** Hung up before saying anything, or entered the access PIN and listened. */
  | { readonly left: false; readonly why: string };

/** Answers callers that nobody else answered. */
export interface VoiceMail {
  /** Whether the user has a mailbox here. */
  serves(user: string): boolean;
  /** Seconds of ringing before voice mail answers. */
  readonly answerAfterSeconds: number;
  /** Plays the greeting, records, and hangs nobody up: the caller of this does. Never rejects. */
  take(call: LineCall, caller: MissedCaller, signal: AbortSignal): Promise<VoiceMailEnd>;
}
