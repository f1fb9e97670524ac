import type { Ending } from '#gateway/call-end.ts';
import type { CallRecord } from '#gateway/call-record.ts';
import type { ConcludeDeps } from '#gateway/calls/conclude.ts';
import { messageOf } from '#platform/failure.ts';

/** A call over a second line for a caller of the first one. */
type SecondLeg = Pick<CallRecord, 'line' | 'caller' | 'callee' | 'startedAt' | 'answeredAt' | 'answer'>;

/** Keeps a record of it, of its own: the owner pays for it, and after a restart the budgets are told of it. Never throws. */
export function keepSecondLeg({ clock, log, records }: ConcludeDeps, leg: SecondLeg, ending: Ending): void {
  const { end, cause, outcome } = ending;
  const about = { direction: 'to-line', callerName: undefined, endedAt: clock.now() } as const;
  records
    .add({ ...leg, ...about, outcome, end, cause })
    .catch((thrown) => log.warn('call not recorded', { reason: messageOf(thrown) }));
}
