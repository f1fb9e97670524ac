import { bridgeCalls } from '#gateway/call-bridge.ts';
import {
  decided,
  type Ending,
  endedByPhone,
  lineFailed,
  phoneGaveUp,
  reasonOf,
  refused,
  stopped,
} from '#gateway/call-end.ts';
import { askNumber } from '#gateway/calls/ask-number.ts';
import { type AskPinDeps, askPin } from '#gateway/calls/ask-pin.ts';
import { concludeCall } from '#gateway/calls/conclude.ts';
import { dialLines } from '#gateway/calls/dial-lines.ts';
import type { PinGate } from '#gateway/calls/pin-gate.ts';
import { networkTone } from '#gateway/calls/prompt-tones.ts';
import type { Diallable } from '#gateway/dial-plan.ts';
import { type DialledContext, readDialled } from '#gateway/dialled.ts';
import type { LineDesk } from '#gateway/line-desk.ts';
import type { LiveCall } from '#gateway/live-calls.ts';
import { calleeOf, type OutboundDeps, refusalOf, termsOf } from '#gateway/sip-to-pstn.ts';
import { SoundCall } from '#gateway/voice-mail/sound-call.ts';
import type { Call, IncomingCall } from '#sip/ua/call-engine.ts';

export interface StagedDeps extends OutboundDeps {
  readonly context: DialledContext;
  readonly pins?: PinGate;
}

/** A call by SIP that is answered before it goes anywhere: for a PIN, for a number, or for both. */
export interface StagedCall {
  readonly caller: string;
  /** What was dialled at first. */
  readonly callee: string;
  readonly needsPin: boolean;
  /** Where it goes; undefined when a number is asked for. */
  readonly dialled: Diallable | undefined;
  /** Whose country's tones are played. */
  readonly desk: LineDesk;
}

/** Busy tone is played for so long before the call is hung up. */
const BUSY_SECONDS = 4;

/** Answers, asks for what is missing, then dials and joins both. */
export async function stagedCall(deps: StagedDeps, incoming: IncomingCall, call: StagedCall): Promise<void> {
  const { caller, callee } = call;
  const info = { direction: 'to-line', caller, callerName: undefined, callee, line: undefined } as const;
  await deps.calls.run(info, 'dialling', async (live) => {
    let ending: Ending;
    try {
      const phone = await incoming.answer();
      ending = await inStages(deps, live, { ...call, phone, withheld: incoming.withheld });
      await phone.hangUp(reasonOf(ending));
    } catch (thrown) {
      ending = phoneGaveUp(thrown);
    }
    await concludeCall(deps, live, ending, { line: live.line ?? '' });
  });
}

interface Stages extends StagedCall {
  readonly phone: Call;
  readonly withheld: boolean;
}

async function inStages(deps: StagedDeps, live: LiveCall, stages: Stages): Promise<Ending> {
  const { phone, desk } = stages;
  const sound = SoundCall.onPhone(deps.clock, phone);
  try {
    const asked = await askAll(deps, live, stages, sound);
    const outcome = 'ending' in asked ? asked : await place(deps, live, { ...stages, ...asked }, sound);
    if (!('ending' in outcome)) {
      sound.release();
      const { line, terms } = outcome;
      return await bridgeCalls(deps, live, { line, phone, ...terms }).finally(() => outcome.spending?.ended());
    }
    if (live.hangUp.signal.aborted) return stopped(live.hangUp.signal.reason);
    if (sound.over.aborted) return { ...endedByPhone(await phone.ended), outcome: 'missed' };
    await sound.play(networkTone(desk.config.country, 'busy', BUSY_SECONDS));
    return outcome.ending;
  } finally {
    sound.release();
  }
}

type Asked = { readonly identity: string; readonly dialled: Diallable } | { readonly ending: Ending };

async function askAll(deps: StagedDeps, live: LiveCall, stages: Stages, sound: SoundCall): Promise<Asked> {
  const { caller, needsPin, desk } = stages;
  const { signal } = live.hangUp;
  let identity = caller;
  let isPin = (_typed: string) => false;
  if (needsPin) {
    const answer = await askPin(pinDeps(deps), sound, { from: 'members', caller }, signal);
    if ('refused' in answer) return { ending: refused(answer.refused, { status: 403, phrase: 'Forbidden' }) };
    ({ identity, isPin } = answer);
  }
  if (stages.dialled !== undefined) return { identity, dialled: stages.dialled };
  const digits = await askNumber(deps.clock, sound, desk.config.country, signal);
  const dialled = digits === undefined || isPin(digits) ? undefined : await readDialled(`tel:${digits}`, deps.context);
  if (dialled === undefined || dialled.kind === 'user' || dialled.kind === 'unusable') {
    return { ending: decided('no number came') };
  }
  return { identity, dialled };
}

function pinDeps({ clock, log, pins }: StagedDeps): AskPinDeps {
  if (pins === undefined) throw new Error('no PIN is configured');
  return { clock, log, pins };
}

async function place(
  deps: StagedDeps,
  live: LiveCall,
  { caller, identity, dialled, withheld, desk }: Stages & { readonly identity: string; readonly dialled: Diallable },
  sound: SoundCall,
) {
  const choice = deps.lines.choose({ caller: identity, dialled, withheld });
  const isEmergency = choice.kind === 'emergency';
  const callerName = identity === caller ? undefined : caller;
  live.redirect({ caller: identity, callee: calleeOf(dialled), callerName, ...(isEmergency && { emergency: true }) });
  if (choice.kind !== 'free' && choice.kind !== 'emergency') return { ending: refusalOf(choice) };
  if (dialled.kind === 'emergency') live.emergency(dialled.isTest);
  const exhausted = (why: string) => live.hangUp.abort(new Error(why));
  const spending = isEmergency ? undefined : deps.budgets.begin(identity, '', exhausted);
  // The phone was answered already, so it does not play ringback by itself.
  void sound.play(networkTone(desk.config.country, 'ringback'));
  const dialling = { dialled, withheld, choice, spending, clearsLine: deps.clearsLine };
  const signal = AbortSignal.any([sound.over, live.hangUp.signal]);
  try {
    const placed = await dialLines(deps, live, dialling, signal);
    live.answered(placed.line);
    spending?.answered();
    return { line: placed.line, terms: termsOf(placed.desk, choice), spending };
  } catch (thrown) {
    spending?.ended();
    return { ending: lineFailed(thrown) };
  }
}
