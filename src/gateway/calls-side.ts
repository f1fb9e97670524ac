import { ringPlan } from '#gateway/calls/ring-plan.ts';
import { type DialledContext, readDialled } from '#gateway/dialled.ts';
import type { LineDesk } from '#gateway/line-desk.ts';
import { pstnToSip } from '#gateway/pstn-to-sip.ts';
import { type OutboundDeps, sipToPstn } from '#gateway/sip-to-pstn.ts';
import type { VoiceMail } from '#gateway/voice-mail/voice-mail.ts';
import { messageOf } from '#platform/failure.ts';
import { printable } from '#platform/log.ts';
import type { IncomingRing } from '#pstn/line.ts';
import type { RouteTarget } from '#sip/adapter/call-router.ts';
import type { CallEngine, IncomingCall } from '#sip/ua/call-engine.ts';

export interface CallsSideDeps extends OutboundDeps {
  readonly engine: CallEngine;
  readonly locate: (aor: string, signal: AbortSignal) => Promise<readonly RouteTarget[]>;
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

  ring(desk: LineDesk, ring: IncomingRing): Promise<void> {
    const options = { plan: ringPlan(desk.config), pstnDomain: this.#context.pstnDomain };
    return pstnToSip({ ...this.#deps, desk }, ring, options);
  }

  async #incoming(call: IncomingCall): Promise<void> {
    if (this.#deps.mailboxes?.(call)) return;
    const caller = callerOf(call);
    const dialled = await readDialled(call.requestUri, this.#context);
    if (caller === undefined) return call.reject(403, 'Caller Unknown');
    if (dialled.kind === 'user') return call.reject(404, 'No Such User Here');
    if (dialled.kind === 'unusable') return call.reject(484, 'Address Incomplete');
    this.#deps.log.info('call to a line', { caller: printable(caller) });
    await sipToPstn(this.#deps, call, { caller, dialled });
  }
}

/** Who calls: the certificate of the overlay connection, else the phone that this process's own proxy authenticated. */
function callerOf(call: IncomingCall): string | undefined {
  if (call.peer) return call.peer.name;
  const asserted = /^sips?:([^@;?]+@[^@;?:]+)/i.exec(call.assertedIdentity ?? '');
  return asserted?.[1];
}
