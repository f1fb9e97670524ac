import { type BridgeDeps, bridgeCalls } from '#gateway/call-bridge.ts';
import { type Ending, lineFailed, phoneGaveUp, reasonOf, refused, stopped } from '#gateway/call-end.ts';
import type { CallRecords } from '#gateway/call-records.ts';
import { concludeCall } from '#gateway/calls/conclude.ts';
import type { Diallable, LineDesk } from '#gateway/line-desk.ts';
import type { LineChoice, LinePool } from '#gateway/line-pool.ts';
import type { LiveCall, LiveCalls } from '#gateway/live-calls.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import { printable } from '#platform/log.ts';
import type { DialFault, LineCall } from '#pstn/line.ts';
import type { Call, IncomingCall } from '#sip/ua/call-engine.ts';

export interface LineScenarioDeps extends BridgeDeps {
  readonly calls: LiveCalls;
  readonly records: CallRecords;
}

export interface OutboundDeps extends LineScenarioDeps {
  readonly lines: LinePool;
}

/** What says that this line can't take the call now, and nothing about the number: the next free line is tried. */
const NEXT_LINE: ReadonlySet<string> = new Set<DialFault['code']>(['line-unavailable', 'glare', 'no-dial-tone']);

interface Parties {
  readonly caller: string;
  readonly dialled: Diallable;
}

/** A phone or a peer calls a number over one of the own lines. `caller` was authenticated; the dial plan decides. */
export async function sipToPstn(deps: OutboundDeps, incoming: IncomingCall, parties: Parties): Promise<void> {
  const { caller, dialled } = parties;
  const callee = dialled.kind === 'number' ? dialled.e164 : dialled.digits;
  const info = { direction: 'to-line', caller, callerName: undefined, callee, line: undefined } as const;
  const choice = deps.lines.choose(caller, dialled);
  if (choice.kind !== 'free') {
    const ending = refusalOf(choice);
    incoming.reject(ending.status, ending.phrase, reasonOf(ending));
    // Told, but not kept: refusals cost a caller nothing, and records are limited.
    await deps.calls.run(info, 'dialling', async (live) => live.tell('refused', ending));
    deps.log.info('call refused', { caller: printable(caller), why: ending.end });
    return;
  }
  const begun = deps.records.begin(caller);
  await deps.calls.run({ ...info, line: choice.desks[0].line.name }, 'dialling', async (live) => {
    const ending = await dialAndBridge(deps, live, { incoming, dialled, desks: choice.desks });
    await concludeCall(deps, live, ending, { line: live.line ?? '', begun });
  });
}

function refusalOf(choice: Exclude<LineChoice, { kind: 'free' }>): Ending {
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
  readonly desks: readonly [LineDesk, ...LineDesk[]];
}

async function dialAndBridge(deps: OutboundDeps, live: LiveCall, outbound: Outbound): Promise<Ending> {
  const { incoming } = outbound;
  let placed: { readonly line: LineCall; readonly desk: LineDesk };
  try {
    // The line gives no sign of ringing that can be relied on: the caller hears ringback from the moment of dialling.
    incoming.ring();
    placed = await dialFirstFree(deps, live, outbound);
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
  live.answered(line.answer);
  return bridgeCalls(deps, live, { line, phone, limitMs: desk.callLimitMs, policy: desk.config });
}

/** Dials on one line after the other while the reason to fail lies in the line. Rejects with `Failure<DialFault>`. */
async function dialFirstFree(deps: OutboundDeps, live: LiveCall, { incoming, dialled, desks }: Outbound) {
  const signal = AbortSignal.any([incoming.abandoned, live.hangUp.signal]);
  let reason: unknown;
  for (const desk of desks) {
    live.line = desk.line.name;
    try {
      return { line: await desk.line.dial(desk.digitsFor(dialled), signal), desk };
    } catch (thrown) {
      reason = thrown;
      if (!(thrown instanceof Failure) || !NEXT_LINE.has(thrown.code)) break;
      deps.log.info('line not usable', { line: desk.line.name, why: thrown.message });
    }
  }
  throw reason;
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
