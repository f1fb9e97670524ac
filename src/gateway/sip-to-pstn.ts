import type { Budgets, Spending } from '#gateway/budgets.ts';
import { type BridgeDeps, type BridgedEnds, bridgeCalls } from '#gateway/call-bridge.ts';
import { type Ending, lineFailed, phoneGaveUp, reasonOf, refused, stopped } from '#gateway/call-end.ts';
import type { CallRecords } from '#gateway/call-records.ts';
import { concludeCall } from '#gateway/calls/conclude.ts';
import { dialLines } from '#gateway/calls/dial-lines.ts';
import type { Diallable } from '#gateway/dial-plan.ts';
import type { LineDesk } from '#gateway/line-desk.ts';
import type { LineChoice, LinePool } from '#gateway/line-pool.ts';
import type { LiveCall, LiveCalls } from '#gateway/live-calls.ts';
import { messageOf } from '#platform/failure.ts';
import { printable } from '#platform/log.ts';
import type { Call, IncomingCall } from '#sip/ua/call-engine.ts';

export interface LineScenarioDeps extends BridgeDeps {
  readonly calls: LiveCalls;
  readonly records: CallRecords;
}

export interface OutboundDeps extends LineScenarioDeps {
  readonly lines: LinePool;
  readonly budgets: Budgets;
  /** Whether an emergency call may end an ordinary one. */
  readonly clearsLine: boolean;
}

/** A timer holds no more: three weeks. */
const LONGEST_MS = 21 * 86_400_000;

interface Parties {
  readonly caller: string;
  readonly dialled: Diallable;
}

/** A phone or a peer calls a number over one of the own lines. `caller` was authenticated; the dial plan decides. */
export async function sipToPstn(deps: OutboundDeps, incoming: IncomingCall, parties: Parties): Promise<void> {
  const { caller, dialled } = parties;
  const { withheld } = incoming;
  const choice = deps.lines.choose({ caller, dialled, withheld });
  if (choice.kind !== 'free' && choice.kind !== 'emergency') {
    const retryAfter = choice.kind === 'refused' ? choice.decision.retryAfterSeconds : undefined;
    return refuseCall(deps, incoming, { caller, callee: calleeOf(dialled), ending: refusalOf(choice), retryAfter });
  }
  const [first] = choice.desks;
  const emergency = choice.kind === 'emergency';
  const info = { direction: 'to-line', caller, callerName: undefined, callee: calleeOf(dialled) } as const;
  await deps.calls.run(
    { ...info, line: first?.line.name, ...(emergency && { emergency }) },
    'dialling',
    async (live) => {
      if (dialled.kind === 'emergency') live.emergency(dialled.isTest);
      const exhausted = (why: string) => live.hangUp.abort(new Error(why));
      // Nobody's emergency call counts, and none is ended by a budget.
      const spending = emergency ? undefined : deps.budgets.begin(caller, first?.line.name ?? '', exhausted);
      try {
        const ending = await dialAndBridge(deps, live, { incoming, dialled, choice, spending });
        await concludeCall(deps, live, ending, { line: live.line ?? '' });
      } finally {
        spending?.ended();
      }
    },
  );
}

export function calleeOf(dialled: Diallable): string {
  return dialled.kind === 'number' ? dialled.e164 : dialled.digits;
}

export interface RefusedCall {
  readonly caller: string;
  readonly callee: string;
  readonly ending: Ending;
  /** Seconds. */
  readonly retryAfter?: number | undefined;
}

/** Says no to a call, and keeps that it came. */
export async function refuseCall(deps: LineScenarioDeps, incoming: IncomingCall, call: RefusedCall): Promise<void> {
  const { ending } = call;
  incoming.reject(ending.status, ending.phrase, reasonOf(ending), call.retryAfter);
  await recordRefusal(deps, call);
}

/** A call was refused: it is told, and kept as far as records of refusals go. */
export async function recordRefusal(deps: LineScenarioDeps, { caller, callee, ending }: RefusedCall): Promise<void> {
  const info = { direction: 'to-line', caller, callerName: undefined, callee, line: undefined } as const;
  await deps.calls.run(info, 'dialling', (live) => concludeCall(deps, live, ending, { line: '' }));
  deps.log.info('call refused', { caller: printable(caller), why: ending.end });
}

/** What a call gets that no line takes. */
export function refusalOf(choice: Exclude<LineChoice, { kind: 'free' | 'emergency' }>): Ending {
  switch (choice.kind) {
    case 'none':
      return { ...refused('no line serves this number', { status: 404, phrase: 'No Line Here' }), cause: 3 };
    case 'busy':
      return { ...refused('no line is free', { status: 503, phrase: 'Line Busy Or Absent' }), cause: 34 };
    case 'refused':
      return refused(choice.decision.why, choice.decision);
  }
}

interface Outbound {
  readonly incoming: IncomingCall;
  readonly dialled: Diallable;
  readonly choice: Extract<LineChoice, { kind: 'free' | 'emergency' }>;
  /** Of an ordinary call. */
  readonly spending: Spending | undefined;
}

async function dialAndBridge(deps: OutboundDeps, live: LiveCall, outbound: Outbound): Promise<Ending> {
  const { incoming } = outbound;
  let placed: Awaited<ReturnType<typeof dialLines>>;
  try {
    // The line gives no sign of ringing that can be relied on: the caller hears ringback from the moment of dialling.
    incoming.ring();
    const signal = AbortSignal.any([incoming.abandoned, live.hangUp.signal]);
    const dialling = { ...outbound, withheld: incoming.withheld, clearsLine: deps.clearsLine };
    placed = await dialLines(deps, live, dialling, signal);
  } catch (thrown) {
    return refuse(deps, live, { incoming, thrown });
  }
  const { line, desk } = placed;
  let phone: Call;
  try {
    phone = await incoming.answer();
  } catch (thrown) {
    await line.hangUp();
    return phoneGaveUp(thrown);
  }
  live.answered(line);
  outbound.spending?.answered();
  return bridgeCalls(deps, live, { line, phone, ...termsOf(desk, outbound.choice) });
}

/** Nothing here ends an emergency call: no limit, and no text telephone that sounds like a fax machine. */
export function termsOf(desk: LineDesk, { kind }: Pick<LineChoice, 'kind'>): Pick<BridgedEnds, 'limitMs' | 'policy'> {
  const { config, callLimitMs } = desk;
  if (kind === 'emergency') return { limitMs: LONGEST_MS, policy: { ...config, fax: 'ignore' } };
  return { limitMs: callLimitMs, policy: config };
}

function refuse(
  deps: OutboundDeps,
  live: LiveCall,
  { incoming, thrown }: { readonly incoming: IncomingCall; readonly thrown: unknown },
): Ending {
  deps.log.info('not connected', { call: live.id, why: messageOf(thrown) });
  if (incoming.abandoned.aborted) return phoneGaveUp(incoming.abandoned.reason);
  const ending = live.hangUp.signal.aborted ? stopped(live.hangUp.signal.reason) : lineFailed(thrown);
  incoming.reject(ending.status, ending.phrase, reasonOf(ending));
  return ending;
}
