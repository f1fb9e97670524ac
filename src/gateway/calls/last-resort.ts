import { endedByLine, lineFailed } from '#gateway/call-end.ts';
import { dialFirstFree } from '#gateway/calls/dial-lines.ts';
import { lineLeg } from '#gateway/calls/line-leg.ts';
import { keepSecondLeg } from '#gateway/calls/second-leg.ts';
import type { LineDesk } from '#gateway/line-desk.ts';
import type { OutboundDeps } from '#gateway/sip-to-pstn.ts';
import { messageOf } from '#platform/failure.ts';
import type { Call } from '#sip/ua/call-engine.ts';

export interface LastResortDeps extends OutboundDeps {
  /** The line that the caller is on. */
  readonly desk: LineDesk;
}

export interface LastResort {
  readonly e164: string;
  /** Whom the line told. */
  readonly caller: string;
  /** Told when the caller's, a line's or the gateway's minutes are used up. */
  readonly exhausted: (why: string) => void;
}

/**
 * Calls the number that the owner gave as last resort over another line. The owner wrote it into the configuration, so no rule
 * of the dial plan is asked; budgets are, since strangers decide how often it is called. Undefined when no other line is free or
 * nobody answers. The second leg gets a record of its own.
 */
export async function callLastResort(
  deps: LastResortDeps,
  { e164, caller, exhausted }: LastResort,
  signal: AbortSignal,
): Promise<Call | undefined> {
  const { clock, log, lines, budgets, desk: own } = deps;
  const dialled = { kind: 'number', e164 } as const;
  const free = lines.hunt(dialled).filter((desk) => desk !== own && desk.isFree);
  const desks = free.filter((desk) => budgets.refusal(caller, desk.line.name) === undefined);
  if (desks.length === 0) {
    log.info(free.length > 0 ? 'no budget is left for the last resort' : 'no other line is free for the last resort');
    return undefined;
  }
  const leg = { startedAt: clock.now(), caller, callee: e164 };
  let name = '';
  const spending = budgets.begin(caller, '', exhausted);
  const trying = ({ line }: LineDesk) => {
    name = line.name;
    spending.over(name);
  };
  try {
    const { line } = await dialFirstFree(log, desks, { dialled, trying }, signal);
    spending.answered();
    const answeredAt = clock.now();
    void line.ended.then((hangup) => {
      spending.ended();
      keepSecondLeg(deps, { ...leg, line: name, answeredAt, answer: line.answer.kind }, endedByLine(hangup));
    });
    return lineLeg(line, e164, log);
  } catch (thrown) {
    spending.ended();
    log.info('last resort not reached', { why: messageOf(thrown) });
    keepSecondLeg(deps, { ...leg, line: name, answeredAt: undefined, answer: 'none' }, lineFailed(thrown));
    return undefined;
  }
}
