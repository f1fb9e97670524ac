import type { PinGate } from '#gateway/calls/pin-gate.ts';
import { byPin } from '#gateway/calls/stages.ts';
import { type Diallable, NO_EMERGENCY } from '#gateway/dial-plan.ts';
import { type Dialled, type DialledContext, readDialled } from '#gateway/dialled.ts';
import type { LineChoice, LinePool } from '#gateway/line-pool.ts';
import type { MailboxRoutes } from '#gateway/voice-mail/mailbox-routes.ts';
import { messageOf } from '#platform/failure.ts';
import { type Logger, printable } from '#platform/log.ts';
import type { CallRouter, RouteAnswer, RouteQuestion, RouteTarget } from '#sip/adapter/call-router.ts';

/** How other nodes of the overlay are found and reached, as `caller`. */
export interface OverlayCalls {
  /** Where a user's phones are; empty when the user has registered none. */
  locate(aor: string, caller: string, signal: AbortSignal): Promise<readonly RouteTarget[]>;
  /** Gateways that serve a number, the best first. `requestUri` of each is for that number. */
  gateways(e164: string, caller: string, signal: AbortSignal): Promise<readonly RouteTarget[]>;
}

export interface RefusedQuestion {
  readonly caller: string;
  readonly dialled: Diallable;
  readonly choice: Exclude<LineChoice, { kind: 'free' | 'emergency' }>;
}

export interface RouterDeps {
  readonly overlay: OverlayCalls;
  /** The own lines, in a gateway. */
  readonly lines: LinePool | undefined;
  /** Let members call numbers that no rule lets them call. */
  readonly pins?: PinGate;
  /** Whether a phone is registered at this process under the AOR. */
  readonly isRegistered: (aor: string) => boolean;
  readonly voiceMail?: Pick<MailboxRoutes, 'called' | 'instead' | 'afterMs'>;
  /** Told of a call that the own lines do not take and nobody else does. */
  readonly refused?: (call: RefusedQuestion) => void;
  readonly log: Logger;
}

/** Decides where a request goes: a phone here, a user elsewhere, an own line, or a gateway. */
export class GatewayRouter implements CallRouter {
  readonly #deps: RouterDeps;
  readonly #context: DialledContext;

  constructor(deps: RouterDeps, context: DialledContext) {
    this.#deps = deps;
    this.#context = context;
  }

  async route(question: RouteQuestion, signal: AbortSignal): Promise<RouteAnswer> {
    const dialled = await readDialled(question.requestUri, this.#context);
    try {
      const mailbox = await this.#deps.voiceMail?.called(question, signal);
      if (mailbox) return mailbox;
      return await this.#routeTo(dialled, question, signal);
    } catch (thrown) {
      this.#deps.log.warn('no route found', { to: printable(question.requestUri), reason: messageOf(thrown) });
      return reject(503, 'Overlay Not Available');
    }
  }

  async #routeTo(dialled: Dialled, question: RouteQuestion, signal: AbortSignal): Promise<RouteAnswer> {
    switch (dialled.kind) {
      case 'user':
        return this.#toUser(dialled.aor, question, signal);
      case 'number':
      case 'emergency':
      case 'short':
        return this.#toNumber(dialled, question, signal);
      case 'unusable':
        return reject(484, 'Address Incomplete');
    }
  }

  /** A user without any phone may have a mailbox. */
  async #toUser(aor: string, question: RouteQuestion, signal: AbortSignal): Promise<RouteAnswer> {
    const answer = await this.#toPhones(aor, question, signal);
    const isAway = answer.kind === 'reject' && answer.status === 480;
    return (isAway ? await this.#deps.voiceMail?.instead(aor, question, signal) : undefined) ?? answer;
  }

  /** RFC 7904 §4: phones registered here first, else the overlay's registrations. */
  async #toPhones(aor: string, question: RouteQuestion, signal: AbortSignal): Promise<RouteAnswer> {
    const { overlay, isRegistered } = this.#deps;
    if (isRegistered(aor)) {
      return { kind: 'registered', aor, elseLocalAfterMs: this.#deps.voiceMail?.afterMs(aor, question) };
    }
    // A peer that sends a request here was told that the user is here: sending it on could go round in circles.
    if (question.fromOverlay) return reject(480, 'Temporarily Unavailable');
    if (!aor.endsWith(`@${this.#context.overlay}`)) return reject(404, 'No Such Domain');
    const targets = await overlay.locate(aor, question.caller, signal);
    return targets.length > 0 ? { kind: 'targets', targets } : reject(480, 'Temporarily Unavailable');
  }

  async #toNumber(dialled: Diallable, question: RouteQuestion, signal: AbortSignal): Promise<RouteAnswer> {
    if (question.method !== 'INVITE') return reject(405, 'Method Not Allowed');
    if (question.fromOverlay) return this.#toOwnLines(this.#choose(dialled, question), { dialled, question });
    if (dialled.kind === 'number') {
      const onNet = await this.#onNet(dialled.e164, question, signal);
      if (onNet) return onNet;
    }
    const choice = this.#choose(dialled, question);
    // An emergency call goes over an own line or not at all: whoever answers has to be near.
    if (choice.kind !== 'free' && dialled.kind === 'number') {
      const targets = await this.#deps.overlay.gateways(dialled.e164, question.caller, signal);
      if (targets.length > 0) return { kind: 'targets', targets };
      if (choice.kind === 'none') return reject(404, 'No Gateway Found');
    }
    return this.#toOwnLines(choice, { dialled, question });
  }

  /** A number with a registration is on the overlay and wins over any gateway (docs/ARCHITECTURE.md). */
  async #onNet(e164: string, question: RouteQuestion, signal: AbortSignal): Promise<RouteAnswer | undefined> {
    const aor = `${e164}@${this.#context.overlay}`;
    if (this.#deps.isRegistered(aor)) return { kind: 'registered', aor };
    const targets = await this.#deps.overlay.locate(aor, question.caller, signal);
    return targets.length > 0 ? { kind: 'targets', targets } : undefined;
  }

  #choose(dialled: Diallable, { caller }: RouteQuestion): LineChoice {
    return this.#deps.lines?.choose({ caller, dialled }) ?? { kind: 'none' };
  }

  /** The own lines' last word. */
  #toOwnLines(
    choice: LineChoice,
    { dialled, question }: { readonly dialled: Diallable; readonly question: RouteQuestion },
  ): RouteAnswer {
    const { lines, pins } = this.#deps;
    if (choice.kind === 'free' || choice.kind === 'emergency') return { kind: 'local' };
    if (choice.kind === 'refused' && lines) {
      const kind = byPin(lines, pins, dialled);
      if (kind === 'free') return { kind: 'local' };
      if (kind === 'busy') return this.#toOwnLines({ kind }, { dialled, question });
    }
    this.#deps.refused?.({ caller: question.caller, dialled, choice });
    switch (choice.kind) {
      case 'none':
        return dialled.kind === 'emergency'
          ? reject(NO_EMERGENCY.status, NO_EMERGENCY.phrase)
          : reject(404, 'No Line Here');
      case 'refused': {
        const { status, phrase, retryAfterSeconds } = choice.decision;
        return { ...reject(status, phrase), ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
      }
      case 'busy':
        // 5xx, so that the caller's proxy goes on to the next gateway.
        return reject(503, 'Line Busy Or Absent');
    }
  }
}

function reject(status: number, phrase: string): Extract<RouteAnswer, { kind: 'reject' }> {
  return { kind: 'reject', status, phrase };
}
