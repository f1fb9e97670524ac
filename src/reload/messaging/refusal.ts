import { utf8 } from '#platform/bytes.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import type { Refusal, RefusalFailure } from '#reload/messaging/exchange.ts';
import { ErrorCode } from '#reload/wire/codes.ts';
import { isWireFailure } from '#reload/wire/reader.ts';

const NO_INFO = new Uint8Array();
/** For experiments, and not for use in any overlay (RFC 6940 §6.3.3.1). */
const EXPERIMENTAL: ReadonlySet<number> = new Set([0x12, 0x13]);

/** What a handler throws to answer with an Error. `info` is text for people, or the bytes that the error code prescribes. */
export function refuse(errorCode: number, info?: string | Uint8Array): RefusalFailure {
  if (EXPERIMENTAL.has(errorCode)) throw new RangeError(`error ${errorCode} is for experiments only`);
  const bytes = typeof info === 'string' ? utf8(info) : (info ?? NO_INFO);
  const said = typeof info === 'string' ? `: ${info}` : '';
  return new Failure<Refusal>({ code: 'refused', errorCode, info: bytes }, `refused with error ${errorCode}${said}`);
}

export type HandlerOutcome =
  | { readonly type: 'error'; readonly errorCode: number; readonly info: Uint8Array; readonly unexpected?: string }
  /** RFC 6940 §6.3.1.1: what cannot be parsed is thrown away without an answer. */
  | { readonly type: 'discard'; readonly detail: string };

/** The one place where what a handler threw becomes a RELOAD error. */
export function outcomeOf(thrown: unknown): HandlerOutcome {
  if (isRefusal(thrown)) return { type: 'error', errorCode: thrown.fault.errorCode, info: thrown.fault.info };
  if (isWireFailure(thrown)) return { type: 'discard', detail: thrown.message };
  // No error code says "this peer failed"; details of the failure are nobody else's business.
  const info = utf8('the request could not be processed');
  return { type: 'error', errorCode: ErrorCode.invalidMessage, info, unexpected: messageOf(thrown) };
}

function isRefusal(thrown: unknown): thrown is RefusalFailure {
  return thrown instanceof Failure && thrown.fault.code === 'refused';
}
