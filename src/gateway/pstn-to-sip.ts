import { bridgeCalls } from '#gateway/call-bridge.ts';
import { blocked, decided, type Ending, lineFailed, reasonOf, stopped } from '#gateway/call-end.ts';
import { concludeCall } from '#gateway/calls/conclude.ts';
import { type DialInDeps, dialIn } from '#gateway/calls/dial-in.ts';
import { hunt } from '#gateway/calls/hunt.ts';
import { callLastResort } from '#gateway/calls/last-resort.ts';
import { answeredCaller, type LineCaller, ringingCaller } from '#gateway/calls/line-caller.ts';
import { networkTone } from '#gateway/calls/prompt-tones.ts';
import { type RingPlan, usersOf } from '#gateway/calls/ring-plan.ts';
import type { LiveCall } from '#gateway/live-calls.ts';
import type { Screening, Verdict } from '#gateway/screening/screening.ts';
import { FAX, type VoiceMail } from '#gateway/voice-mail/voice-mail.ts';
import type { IncomingRing, LineCall } from '#pstn/line.ts';
import type { Call } from '#sip/ua/call-engine.ts';

/** `desk` is the line that rings. */
export interface RingScenarioDeps extends DialInDeps {
  readonly screening?: Screening;
  readonly voiceMail?: VoiceMail;
}

export interface RingOptions {
  readonly plan: RingPlan;
}

/** One call from the line, as the steps below hand it on. */
interface FromLine {
  readonly deps: RingScenarioDeps;
  readonly live: LiveCall;
  readonly options: RingOptions;
  readonly caller: LineCaller;
}

const RING: Verdict = { action: 'ring', why: 'no screening' };

/** The line rings: screening first, then the phones of this line by its plan, and voice mail when nobody took the call. */
export async function pstnToSip(deps: RingScenarioDeps, ring: IncomingRing, options: RingOptions): Promise<void> {
  const { number, name, presentation } = ring.callerId;
  const { line, config } = deps.desk;
  const callee = usersOf(options.plan).join(', ') || (config.number ?? line.name);
  const caller = number ?? presentation;
  const info = { direction: 'from-line', caller, callerName: name, callee, line: line.name } as const;
  await deps.calls.run(info, 'ringing', async (live) => {
    const ending = await takeRing({ deps, live, options, caller: ringingCaller(ring) });
    await concludeCall(deps, live, ending, { line: line.name });
  });
}

async function takeRing(call: FromLine): Promise<Ending> {
  const { deps, caller } = call;
  const verdict = deps.screening?.judge(caller.callerId, deps.desk.line.name) ?? RING;
  if (verdict.action !== 'ring') deps.log.info('screened', { call: call.live.id, ...verdict });
  switch (verdict.action) {
    case 'ring':
      return deps.desk.config.dial_in === 'at-once' ? dialOn(call) : ringPhonesAndBridge(call);
    case 'voice-mail':
      return (await leaveMessage(call)) ?? ignore(call, verdict.why);
    case 'ignore':
      return ignore(call, verdict.why);
    case 'hang-up':
      return answerAndHangUp(call, verdict.why);
    case 'challenge':
      return challenge(call, verdict.why);
  }
}

async function ringPhonesAndBridge(call: FromLine): Promise<Ending> {
  const { deps, live, options, caller } = call;
  const rung = await hunt(deps, {
    caller,
    plan: options.plan,
    pstnDomain: deps.context.pstnDomain,
    hangUp: live.hangUp.signal,
    atMostSeconds: secondsBeforeVoiceMail(call),
  });
  if ('phone' in rung) return answerAndBridge(call, rung.phone);
  return caller.gone.aborted || live.hangUp.signal.aborted ? rung.nobody : overflow(call, rung.nobody);
}

/** Nobody took the call: the last resort, then callers with a PIN, then voice mail. */
async function overflow(call: FromLine, nobody: Ending): Promise<Ending> {
  const { deps, live, options, caller } = call;
  const { lastResort: e164 } = options.plan;
  if (e164 !== undefined) {
    const either = AbortSignal.any([caller.gone, live.hangUp.signal]);
    const exhausted = (why: string) => live.hangUp.abort(new Error(why));
    const other = await callLastResort(deps, { e164, caller: live.info.caller, exhausted }, either);
    if (other !== undefined) return answerAndBridge(call, other);
    if (caller.gone.aborted) return caller.goneBy();
  }
  if (deps.desk.config.dial_in === 'unanswered' && deps.pins !== undefined) return dialOn(call);
  return (await leaveMessage(call)) ?? letGo(call, nobody);
}

/** A caller who was answered already hears no more ringing: the call ends. One who still rings goes on ringing. */
async function letGo({ caller, live }: FromLine, ending: Ending): Promise<Ending> {
  if (live.answeredAt !== undefined) await (await caller.answer()).hangUp();
  return ending;
}

/** The caller enters a PIN and dials on; without even a try the call goes to voice mail. */
async function dialOn(call: FromLine): Promise<Ending> {
  const { deps, live } = call;
  const { callerId } = call.caller;
  const { line, ending } = await answer(call);
  if (line === undefined) return ending;
  const answered = { ...call, caller: answeredCaller(callerId, line) };
  const reached = await dialIn(deps, live, { line, callerId });
  const isGone = answered.caller.gone.aborted;
  if (isGone || live.hangUp.signal.aborted) {
    const over = isGone ? answered.caller.goneBy() : stopped(live.hangUp.signal.reason);
    // Whoever answered in the same moment would be left on a line that nobody hangs up.
    if (reached !== 'no PIN' && 'phone' in reached) await reached.phone.hangUp(reasonOf(over));
    return isGone ? over : letGo(answered, over);
  }
  if (reached === 'no PIN') return (await leaveMessage(answered)) ?? letGo(answered, decided('no number came'));
  return 'phone' in reached ? answerAndBridge(answered, reached.phone) : letGo(answered, reached.ending);
}

async function answerAndBridge(call: FromLine, phone: Call): Promise<Ending> {
  const { deps, live } = call;
  const { line, ending } = await answer(call);
  if (line === undefined) {
    await phone.hangUp(reasonOf(ending));
    return ending;
  }
  const { config, callLimitMs: limitMs } = deps.desk;
  return bridgeCalls(deps, live, { line, phone, limitMs, policy: config });
}

type Answered =
  | { readonly line: LineCall; readonly ending?: undefined }
  | { readonly line: undefined; readonly ending: Ending };

/** Answers the line, unless that was done before, and says so. */
async function answer({ live, caller }: FromLine): Promise<Answered> {
  try {
    const line = await caller.answer();
    if (live.answeredAt === undefined) live.answered(line);
    return { line };
  } catch (thrown) {
    // The caller hung up, or another telephone was quicker.
    return { line: undefined, ending: caller.gone.aborted ? caller.goneBy() : lineFailed(thrown) };
  }
}

/** Nobody here takes notice until the caller gives up. */
async function ignore({ caller, live }: FromLine, why: string): Promise<Ending> {
  const over = AbortSignal.any([caller.gone, live.hangUp.signal]);
  if (!over.aborted) await new Promise((resolve) => over.addEventListener('abort', resolve, { once: true }));
  return blocked(why);
}

async function answerAndHangUp(call: FromLine, why: string): Promise<Ending> {
  const { line } = await answer(call);
  await line?.hangUp();
  return blocked(why);
}

/** The caller has to press a key; then phones ring while the caller hears ringback. */
async function challenge(call: FromLine, why: string): Promise<Ending> {
  const { deps, live, caller } = call;
  const { line, ending } = await answer(call);
  if (line === undefined) return ending;
  const passed = await (deps.screening?.challenge(line, caller.callerId, live.hangUp.signal) ?? Promise.resolve(false));
  if (!passed) {
    await line.hangUp();
    return blocked(why);
  }
  const ringback = networkTone(deps.desk.config.country, 'ringback');
  line.connect((heard) => ringback.next(heard.length));
  return ringPhonesAndBridge({ ...call, caller: answeredCaller(caller.callerId, line) });
}

/** Undefined when nobody of this line has a mailbox here. */
async function leaveMessage(call: FromLine): Promise<Ending | undefined> {
  const { deps, live, caller } = call;
  const user = mailboxOf(call);
  if (deps.voiceMail === undefined || user === undefined) return undefined;
  const { line, ending } = await answer(call);
  if (line === undefined) return ending;
  const fax = new AbortController();
  line.onEvent((event) => {
    if (event.type === 'fax' && deps.desk.config.fax === 'end') fax.abort(FAX);
  });
  const signal = AbortSignal.any([live.hangUp.signal, fax.signal]);
  const end = await deps.voiceMail.take(line, { callerId: caller.callerId, line: deps.desk.line.name, user }, signal);
  await line.hangUp();
  if (fax.signal.aborted) return decided('line: fax');
  const what = end.left ? `message of ${Math.round(end.seconds)} s for ${user}` : end.why;
  return { ...decided('phone: nobody answered'), end: `voice mail: ${what}`, cause: 16, outcome: 'voice-mail' };
}

/** The first user of the line with a mailbox. */
function mailboxOf({ deps, options }: FromLine): string | undefined {
  return usersOf(options.plan).find((user) => deps.voiceMail?.serves(user));
}

/** Where a plan has several stages, their seconds say how long it rings; else voice mail comes when it wants to. */
function secondsBeforeVoiceMail(call: FromLine): number | undefined {
  const { stages, delaySeconds } = call.options.plan;
  if (stages.length !== 1 || mailboxOf(call) === undefined) return undefined;
  return delaySeconds + (call.deps.voiceMail?.answerAfterSeconds ?? 0);
}
