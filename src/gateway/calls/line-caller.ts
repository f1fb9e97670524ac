import { ANSWERED_ELSEWHERE, decided, type Ending, endedByLine } from '#gateway/call-end.ts';
import type { CallerId, IncomingRing, LineCall, RingEnd } from '#pstn/line.ts';

/** Somebody calls from the line: still ringing, or answered already by this gateway. */
export interface LineCaller {
  readonly callerId: CallerId;
  /** Aborts when the caller is gone, or served by another telephone. */
  readonly gone: AbortSignal;
  /** What that was; only once `gone` aborted. */
  readonly goneBy: () => Ending;
  /** Answers a caller that still rings. */
  answer(): Promise<LineCall>;
}

export function ringingCaller(ring: IncomingRing): LineCaller {
  return {
    callerId: ring.callerId,
    gone: ring.abandoned,
    goneBy: () => endOfRing(ring.abandoned.reason),
    answer: () => ring.answer(),
  };
}

/** A caller whose call was answered before a phone was. */
export function answeredCaller(callerId: CallerId, line: LineCall): LineCaller {
  const gone = new AbortController();
  let ending: Ending = decided('line: caller gave up');
  void line.ended.then((hangup) => {
    // The gateway answered, but nobody talked.
    ending = { ...endedByLine(hangup), outcome: 'missed' };
    gone.abort(new Error(ending.end));
  });
  return { callerId, gone: gone.signal, goneBy: () => ending, answer: async () => line };
}

function endOfRing(reason: unknown): Ending {
  const end = reason as RingEnd;
  if (end === 'answered-elsewhere') return ANSWERED_ELSEWHERE;
  return end === 'modem-lost' ? { ...endedByLine('modem-lost'), outcome: 'missed' } : decided('line: caller gave up');
}
