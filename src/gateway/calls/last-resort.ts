import { endedByLine } from '#gateway/call-end.ts';
import { dialFirstFree } from '#gateway/calls/dial-lines.ts';
import { lineLeg } from '#gateway/calls/line-leg.ts';
import type { LineDesk } from '#gateway/line-desk.ts';
import type { OutboundDeps } from '#gateway/sip-to-pstn.ts';
import { messageOf } from '#platform/failure.ts';
import type { Call } from '#sip/ua/call-engine.ts';

export interface LastResortDeps extends OutboundDeps {
  /** The line that the caller is on. */
  readonly desk: LineDesk;
}

/**
 * Calls the number that the owner gave as last resort over another line. The owner wrote it into the configuration, so no rule
 * of the dial plan is asked. Undefined when no other line is free or nobody answers. The second leg gets a record of its own.
 */
export async function callLastResort(
  deps: LastResortDeps,
  { e164, caller }: { readonly e164: string; readonly caller: string },
  signal: AbortSignal,
): Promise<Call | undefined> {
  const { clock, log, lines, records, desk: own } = deps;
  const dialled = { kind: 'number', e164 } as const;
  const desks = lines.hunt(dialled).filter((desk) => desk !== own && desk.isFree);
  if (desks.length === 0) {
    log.info('no other line is free for the last resort');
    return undefined;
  }
  const startedAt = clock.now();
  try {
    const { line, desk } = await dialFirstFree(log, desks, { dialled, trying: () => {} }, signal);
    const answeredAt = clock.now();
    void line.ended.then((hangup) => {
      const { end, cause, outcome } = endedByLine(hangup);
      const times = { startedAt, answeredAt, endedAt: clock.now() };
      const parties = {
        direction: 'to-line',
        line: desk.line.name,
        caller,
        callerName: undefined,
        callee: e164,
      } as const;
      const record = { ...parties, ...times, outcome, answer: line.answer.kind, end, cause } as const;
      records.add(record).catch((thrown) => log.warn('call not recorded', { reason: messageOf(thrown) }));
    });
    return lineLeg(line, e164, log);
  } catch (thrown) {
    log.info('last resort not reached', { why: messageOf(thrown) });
    return undefined;
  }
}
