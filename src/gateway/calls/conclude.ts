import type { Ending } from '#gateway/call-end.ts';
import type { CallRecords } from '#gateway/call-records.ts';
import type { CallState, LiveCall } from '#gateway/live-calls.ts';
import type { Clock } from '#platform/clock.ts';
import type { Logger } from '#platform/log.ts';

export interface ConcludeDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly records: CallRecords;
}

/** Keeps the record of a call that is over, then tells of its end. */
export async function concludeCall(
  deps: ConcludeDeps,
  live: LiveCall,
  ending: Ending,
  { line }: { readonly line: string },
): Promise<void> {
  const { info, startedAt, answeredAt, answerKind } = live;
  const duplex = live.halfDuplex ? { halfDuplex: true } : {};
  const { end, cause, outcome } = ending;
  const endedAt = deps.clock.now();
  const times = { startedAt, answeredAt, endedAt };
  await deps.records.add({ ...info, line, ...times, outcome, answer: answerKind, end, cause, ...duplex });
  deps.log.info('call ended', {
    call: live.id,
    end,
    cause,
    outcome,
    ...duplex,
    answer: answerKind,
    by: live.answer?.by,
  });
  live.tell(stateOf(ending, live), ending);
}

function stateOf({ outcome }: Ending, { info, answeredAt }: LiveCall): CallState {
  if (outcome === 'refused' || outcome === 'blocked') return outcome;
  return info.direction === 'from-line' && answeredAt === undefined && outcome !== 'answered' ? 'missed' : 'ended';
}
