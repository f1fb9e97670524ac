import { refused } from '#gateway/call-end.ts';
import type { PinGate } from '#gateway/calls/pin-gate.ts';
import { ringPlan } from '#gateway/calls/ring-plan.ts';
import { stagedCall } from '#gateway/calls/staged-call.ts';
import { stagesOf } from '#gateway/calls/stages.ts';
import { type DialledContext, readDialled } from '#gateway/dialled.ts';
import type { LineDesk } from '#gateway/line-desk.ts';
import { pstnToSip } from '#gateway/pstn-to-sip.ts';
import type { RefusedQuestion } from '#gateway/router.ts';
import type { Screening } from '#gateway/screening/screening.ts';
import { calleeOf, type OutboundDeps, recordRefusal, refusalOf, refuseCall, sipToPstn } from '#gateway/sip-to-pstn.ts';
import { readToldNumber } from '#gateway/told-number.ts';
import type { VoiceMail } from '#gateway/voice-mail/voice-mail.ts';
import { messageOf } from '#platform/failure.ts';
import { printable } from '#platform/log.ts';
import type { IncomingRing } from '#pstn/line.ts';
import type { RouteTarget } from '#sip/adapter/call-router.ts';
import type { CallEngine, IncomingCall } from '#sip/ua/call-engine.ts';

export interface CallsSideDeps extends OutboundDeps {
  readonly engine: CallEngine;
  readonly locate: (aor: string, signal: AbortSignal) => Promise<readonly RouteTarget[]>;
  /** For callers that no rule names. */
  readonly pins?: PinGate;
  /** Judges callers from the lines. */
  readonly screening?: Screening;
  /** Answers callers that no phone answered. */
  readonly voiceMail?: VoiceMail;
  /** Takes calls by SIP to voice mail; false when the call is for somebody else. */
  readonly mailboxes?: (call: IncomingCall) => boolean;
}

/** Starts the scenario that fits: one for calls that arrive by SIP, one for rings of a line. */
export class CallsSide {
  readonly #deps: CallsSideDeps;
  readonly #context: DialledContext;

  constructor(deps: CallsSideDeps, context: DialledContext) {
    this.#deps = deps;
    this.#context = context;
  }

  /** From now on calls that SIP hands to this process go to a line. */
  serve(): void {
    this.#deps.engine.onIncoming((call) => {
      this.#incoming(call).catch((thrown) => {
        this.#deps.log.error('call failed', { reason: messageOf(thrown) });
        if (!call.abandoned.aborted) call.reject(500, 'Server Internal Error');
      });
    });
  }

  /** The router refused a call by itself. */
  refused({ caller, dialled, choice }: RefusedQuestion): void {
    const refusal = { caller, callee: calleeOf(dialled), ending: refusalOf(choice) };
    recordRefusal(this.#deps, refusal).catch((thrown) =>
      this.#deps.log.warn('call not recorded', { reason: messageOf(thrown) }),
    );
  }

  async ring(desk: LineDesk, told: IncomingRing): Promise<void> {
    const callerId = await readToldNumber(told.callerId, desk.numbering);
    const ring = { callerId, abandoned: told.abandoned, answer: () => told.answer() };
    return pstnToSip({ ...this.#deps, desk, context: this.#context }, ring, { plan: ringPlan(desk.config) });
  }

  async #incoming(call: IncomingCall): Promise<void> {
    if (this.#deps.mailboxes?.(call)) return;
    const caller = callerOf(call);
    const dialled = await readDialled(call.requestUri, this.#context);
    if (caller === undefined) return call.reject(403, 'Caller Unknown');
    if (dialled.kind === 'user') return call.reject(404, 'No Such User Here');
    if (dialled.kind === 'unusable') {
      const ending = { ...refused(dialled.why, { status: 484, phrase: 'Address Incomplete' }), cause: 28 };
      return refuseCall(this.#deps, call, { caller, callee: writtenIn(call.requestUri), ending });
    }
    this.#deps.log.info('call to a line', { caller: printable(caller) });
    const staged = stagesOf(this.#deps, { caller, dialled, callee: calleeOf(dialled) });
    if (staged) return stagedCall({ ...this.#deps, context: this.#context }, call, staged);
    await sipToPstn(this.#deps, call, { caller, dialled });
  }
}

/** What was asked for, short enough to be kept. */
function writtenIn(requestUri: string): string {
  return printable(requestUri.replace(/^(?:sips?|tel):/i, '').replace(/[@;].*$/, '')).slice(0, 64);
}

/** Who calls: the certificate of the overlay connection, else the phone that this process's own proxy authenticated. */
function callerOf(call: IncomingCall): string | undefined {
  if (call.peer) return call.peer.name;
  const asserted = /^sips?:([^@;?]+@[^@;?:]+)/i.exec(call.assertedIdentity ?? '');
  return asserted?.[1];
}
