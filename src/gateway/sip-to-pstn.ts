import { type BridgeDeps, bridgeCalls } from '#gateway/call-bridge.ts';
import type { CallRecords } from '#gateway/call-records.ts';
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

/** How a failed dialling is told to the caller (RFC 3398 §7.2.4.1; 5xx sends the caller on to the next gateway). */
const DIAL_ANSWERS: Readonly<Record<DialFault['code'], readonly [status: number, phrase: string, cause: number]>> = {
  busy: [486, 'Busy Here', 17],
  congestion: [503, 'Telephone Network Congested', 42],
  'special-information': [404, 'Number Not Reachable', 1],
  glare: [503, 'Line Busy Or Absent', 44],
  'no-answer': [480, 'Temporarily Unavailable', 19],
  'no-dial-tone': [503, 'Line Without Dial Tone', 27],
  'line-unavailable': [503, 'Line Busy Or Absent', 34],
  aborted: [487, 'Request Terminated', 16],
  modem: [503, 'Modem Failure', 41],
};

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
    const { status, phrase, why } = refusalOf(choice);
    incoming.reject(status, phrase);
    await deps.calls.run(info, 'refused', async () => {});
    deps.log.info('call refused', { caller: printable(caller), why });
    return;
  }
  const begun = deps.records.begin(caller);
  await deps.calls.run({ ...info, line: choice.desks[0].line.name }, 'dialling', async (live) => {
    const end = await dialAndBridge(deps, live, { incoming, dialled, desks: choice.desks });
    const { startedAt, answeredAt } = live;
    const answered = answeredAt !== undefined;
    const record = {
      direction: 'to-line',
      line: live.line ?? '',
      caller,
      callerName: undefined,
      callee,
      startedAt,
      answeredAt,
      endedAt: deps.clock.now(),
      outcome: answered ? 'answered' : 'failed',
      answer: answered ? 'inferred' : 'none',
      end,
      cause: answered ? 16 : 31,
    } as const;
    await deps.records.add(record, begun);
    live.tell('ended', end);
  });
}

function refusalOf(choice: Exclude<LineChoice, { kind: 'free' }>): {
  readonly status: number;
  readonly phrase: string;
  readonly why: string;
} {
  switch (choice.kind) {
    case 'none':
      return { status: 404, phrase: 'No Line Here', why: 'no line serves this number' };
    case 'busy':
      return { status: 503, phrase: 'Line Busy Or Absent', why: 'no line is free' };
    case 'refused':
      return choice.decision;
  }
}

interface Outbound {
  readonly incoming: IncomingCall;
  readonly dialled: Diallable;
  readonly desks: readonly [LineDesk, ...LineDesk[]];
}

async function dialAndBridge(deps: OutboundDeps, live: LiveCall, outbound: Outbound): Promise<string> {
  const { incoming } = outbound;
  let placed: { readonly line: LineCall; readonly desk: LineDesk };
  try {
    // The line gives no sign of ringing that can be relied on: the caller hears ringback from the moment of dialling.
    incoming.ring();
    placed = await dialFirstFree(deps, live, outbound);
  } catch (thrown) {
    return refuse(deps, incoming, thrown);
  }
  const { line, desk } = placed;
  let phone: Call;
  try {
    phone = await incoming.answer();
  } catch (thrown) {
    await line.hangUp();
    return `phone: ${messageOf(thrown)}`;
  }
  live.tell('answered');
  return bridgeCalls(deps, live, { line, phone, limitMs: desk.callLimitMs });
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

function refuse(deps: OutboundDeps, incoming: IncomingCall, thrown: unknown): string {
  const code = thrown instanceof Failure && isDialFault(thrown.code) ? thrown.code : 'modem';
  const [status, phrase, cause] = DIAL_ANSWERS[code];
  deps.log.info('not connected', { why: messageOf(thrown) });
  if (!incoming.abandoned.aborted) incoming.reject(status, phrase, `Q.850;cause=${cause}`);
  return `line: ${code}`;
}

function isDialFault(code: string): code is DialFault['code'] {
  return Object.hasOwn(DIAL_ANSWERS, code);
}
