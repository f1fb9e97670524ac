import { type BridgeDeps, bridgeCalls } from '#gateway/call-bridge.ts';
import type { CallRecords } from '#gateway/call-records.ts';
import type { Diallable, LineDesk } from '#gateway/line-desk.ts';
import type { LiveCall, LiveCalls } from '#gateway/live-calls.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import { printable } from '#platform/log.ts';
import type { DialFault, LineCall } from '#pstn/line.ts';
import type { Call, IncomingCall } from '#sip/ua/call-engine.ts';

export interface LineScenarioDeps extends BridgeDeps {
  readonly desk: LineDesk;
  readonly calls: LiveCalls;
  readonly records: CallRecords;
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

/** A phone or a peer calls a number over the own line. `caller` was authenticated; the dial plan decides. */
export async function sipToPstn(
  deps: LineScenarioDeps,
  incoming: IncomingCall,
  parties: { readonly caller: string; readonly dialled: Diallable },
): Promise<void> {
  const { caller, dialled } = parties;
  const callee = dialled.kind === 'number' ? dialled.e164 : dialled.digits;
  const info = { direction: 'to-line', caller, callerName: undefined, callee } as const;
  const decision = deps.desk.judge(caller, dialled);
  if (!decision.allowed) {
    incoming.reject(decision.status, decision.phrase);
    await deps.calls.run(info, 'refused', async () => {});
    deps.log.info('call refused', { caller: printable(caller), why: decision.why });
    return;
  }
  const begun = deps.records.begin(caller);
  await deps.calls.run(info, 'dialling', async (live) => {
    const end = await dialAndBridge(deps, live, { incoming, digits: deps.desk.digitsFor(dialled) });
    const { startedAt, answeredAt } = live;
    const answered = answeredAt !== undefined;
    const record = {
      direction: 'to-line',
      line: deps.desk.line.name,
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

async function dialAndBridge(
  deps: LineScenarioDeps,
  live: LiveCall,
  { incoming, digits }: { readonly incoming: IncomingCall; readonly digits: string },
): Promise<string> {
  let line: LineCall;
  try {
    // The line gives no sign of ringing that can be relied on: the caller hears ringback from the moment of dialling.
    incoming.ring();
    line = await deps.desk.line.dial(digits, AbortSignal.any([incoming.abandoned, live.hangUp.signal]));
  } catch (thrown) {
    return refuse(deps, incoming, thrown);
  }
  let phone: Call;
  try {
    phone = await incoming.answer();
  } catch (thrown) {
    await line.hangUp();
    return `phone: ${messageOf(thrown)}`;
  }
  live.tell('answered');
  return bridgeCalls(deps, live, { line, phone, limitMs: deps.desk.callLimitMs });
}

function refuse(deps: LineScenarioDeps, incoming: IncomingCall, thrown: unknown): string {
  const code = thrown instanceof Failure && isDialFault(thrown.code) ? thrown.code : 'modem';
  const [status, phrase, cause] = DIAL_ANSWERS[code];
  deps.log.info('not connected', { why: messageOf(thrown) });
  if (!incoming.abandoned.aborted) incoming.reject(status, phrase, `Q.850;cause=${cause}`);
  return `line: ${code}`;
}

function isDialFault(code: string): code is DialFault['code'] {
  return Object.hasOwn(DIAL_ANSWERS, code);
}
