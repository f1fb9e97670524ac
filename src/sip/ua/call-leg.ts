import type { MediaSession } from '#media/session.ts';
import { utf8 } from '#platform/bytes.ts';
import { messageOf } from '#platform/failure.ts';
import { type Dialog, nextHopUri, nextRequest, receivedRequest, refreshedTarget } from '#sip/dialog/dialog.ts';
import { targetOf } from '#sip/dialog/target.ts';
import type { NewField } from '#sip/message/headers.ts';
import type { SipRequest, SipResponse } from '#sip/message/message.ts';
import { parseNameAddress } from '#sip/message/name-address.ts';
import { replyTo } from '#sip/message/reply.ts';
import type { ServerTransaction } from '#sip/transaction/server-transaction.ts';
import type { Flow } from '#sip/transport/flow.ts';
import type { Call, CallEnd } from '#sip/ua/call-engine.ts';
import { ALLOWED_METHODS, commonFields, descriptionIn, logged, SDP_TYPE, type UaContext } from '#sip/ua/context.ts';
import { INFO_TYPES, tellsFlash } from '#sip/ua/hook-flash.ts';
import { RepeatedAnswer } from '#sip/ua/repeated-answer.ts';

interface CallLegParts {
  readonly dialog: Dialog;
  /** The flow of the INVITE. */
  readonly flow: Flow;
  readonly media: MediaSession;
  readonly forget: (leg: CallLeg) => void;
}

/** A call with an established dialog. */
export class CallLeg implements Call {
  readonly media: MediaSession;
  /** The flow of the INVITE. */
  readonly flow: Flow;
  readonly ended: Promise<CallEnd>;
  readonly #context: UaContext;
  readonly #forget: (leg: CallLeg) => void;
  readonly #flashListeners: (() => void)[] = [];
  #dialog: Dialog;
  #resolveEnded: (end: CallEnd) => void = () => {};
  #isOver = false;
  #answer: RepeatedAnswer | undefined;
  /** Set while the offer went out in a 2xx: the ACK brings the answer. */
  #awaitsAnswer = false;
  #onAcknowledged: (() => void) | undefined;

  constructor(context: UaContext, parts: CallLegParts) {
    this.#context = context;
    this.#dialog = parts.dialog;
    this.flow = parts.flow;
    this.media = parts.media;
    this.#forget = parts.forget;
    this.media.onFlash(() => this.#flash());
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  get id(): string {
    return this.#dialog.callId;
  }

  get remoteUri(): string {
    return parseNameAddress(this.#dialog.remoteAddress, 'To').uri;
  }

  get dialog(): Dialog {
    return this.#dialog;
  }

  onFlash(listener: () => void): void {
    this.#flashListeners.push(listener);
  }

  /** Ends the call by BYE and resolves once it was answered or given up. */
  async hangUp(reason?: string): Promise<void> {
    if (this.#isOver) return;
    this.#finish({ by: 'local', status: undefined, reason: reason ?? 'hung up' });
    await this.#bye(reason === undefined ? [] : [['Reason', reason]]);
  }

  /** Ends the call because of a failure on this side or ahead. */
  fail(status: number | undefined, reason: string): void {
    if (this.#isOver) return;
    this.#finish({ by: 'failure', status, reason });
    if (this.flow.reliable && this.flow.closed) return;
    void this.#bye([['Reason', `SIP;cause=${status ?? 500};text="failure"`]]);
  }

  /** Answers an INVITE by 2xx and repeats it until the ACK. `acknowledged` is called then. */
  answerInvite(transaction: ServerTransaction, withOffer: boolean, acknowledged?: () => void): void {
    this.#awaitsAnswer = withOffer;
    this.#onAcknowledged = acknowledged;
    const { clock, transactions } = this.#context;
    this.#answer = new RepeatedAnswer(
      { clock, timers: transactions.timers, transaction },
      {
        response: replyTo(transaction.request, 200, {
          toTag: this.#dialog.localTag,
          fields: [...this.#recordRoute(transaction.request), ...this.#fields(), ['Content-Type', SDP_TYPE]],
          body: utf8(this.media.localDescription),
        }),
        expired: () => this.fail(408, 'no ACK came'),
      },
    );
  }

  /** A request of the far end within the dialog. */
  request(transaction: ServerTransaction): void {
    const response = this.#respondTo(transaction);
    if (response !== undefined) transaction.respond(response);
  }

  acknowledge(request: SipRequest): void {
    if (this.#answer === undefined || request.cseq.number !== this.#answer.sequence || this.#answer.isDone) return;
    this.#answer.stop();
    if (this.#awaitsAnswer) {
      const answer = descriptionIn(request);
      if (answer === undefined || !this.#apply(answer)) {
        this.fail(488, 'the ACK brings no usable answer to the offer');
        return;
      }
    }
    this.#onAcknowledged?.();
  }

  /** The answer to a request; undefined when it is sent, and repeated, elsewhere. */
  #respondTo(transaction: ServerTransaction): SipResponse | undefined {
    const { request } = transaction;
    const dialog = receivedRequest(this.#dialog, request);
    if (dialog === undefined) return replyTo(request, 500);
    this.#dialog = dialog;
    switch (request.method) {
      case 'BYE':
        this.#finish({ by: 'remote', status: undefined, reason: request.headers.value('Reason') ?? 'hung up' });
        return replyTo(request, 200);
      case 'INVITE':
        return this.#reinvite(transaction);
      case 'UPDATE':
        return this.#update(request);
      case 'OPTIONS':
        return replyTo(request, 200, { fields: this.#fields() });
      case 'INFO':
        return this.#info(request);
      default:
        return replyTo(request, 405, { fields: [['Allow', ALLOWED_METHODS]] });
    }
  }

  /** Phones without telephone events tell a hook flash by INFO; an empty one only asks whether the call is up (RFC 2976 §2.2). */
  #info(request: SipRequest): SipResponse {
    if (request.body.length === 0 && !request.headers.has('Content-Type')) return replyTo(request, 200);
    if (!tellsFlash(request)) return replyTo(request, 415, { fields: [['Accept', INFO_TYPES.join(', ')]] });
    this.#flash();
    return replyTo(request, 200);
  }

  #flash(): void {
    for (const listener of this.#flashListeners) listener();
  }

  /** A re-INVITE: hold, a new media address, or only a refresh. The local side of the session stays as it is (RFC 3264 §8). */
  #reinvite(transaction: ServerTransaction): SipResponse | undefined {
    const { request } = transaction;
    // RFC 3261 §14.2: one INVITE at a time.
    if (this.#answer?.isDone === false) return replyTo(request, 500, { fields: [['Retry-After', '1']] });
    const offer = descriptionIn(request);
    if (offer !== undefined && !this.#apply(offer)) return replyTo(request, 488);
    this.#dialog = refreshedTarget(this.#dialog, request);
    this.answerInvite(transaction, offer === undefined);
    return undefined;
  }

  #update(request: SipRequest): SipResponse {
    const offer = descriptionIn(request);
    // RFC 3311 §5.2: while an offer of this side waits for its answer, another one is refused.
    if (offer !== undefined && this.#awaitsAnswer && this.#answer?.isDone === false) return replyTo(request, 491);
    if (offer !== undefined && !this.#apply(offer)) return replyTo(request, 488);
    this.#dialog = refreshedTarget(this.#dialog, request);
    if (offer === undefined) return replyTo(request, 200, { fields: this.#fields() });
    const fields: NewField[] = [...this.#fields(), ['Content-Type', SDP_TYPE]];
    return replyTo(request, 200, { fields, body: utf8(this.media.localDescription) });
  }

  #apply(offer: string): boolean {
    try {
      this.media.applyRemote(offer);
      return true;
    } catch (thrown) {
      this.#context.log.debug('offer refused', { call: this.id, reason: messageOf(thrown) });
      return false;
    }
  }

  #fields(): NewField[] {
    return commonFields(this.#context, this.flow, parseNameAddress(this.#dialog.localAddress, 'From').uri);
  }

  /** RFC 3261 §12.1.1: the 2xx repeats the routes of the INVITE. */
  #recordRoute(request: SipRequest): NewField[] {
    return request.headers.list('Record-Route').map((route): NewField => ['Record-Route', route]);
  }

  #finish(end: CallEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#answer?.stop();
    logged(this.#context.log, 'closing media', () => this.media.close());
    this.#forget(this);
    this.#resolveEnded(end);
  }

  async #bye(fields: readonly NewField[]): Promise<void> {
    const { request, dialog } = nextRequest(this.#dialog, 'BYE', fields);
    this.#dialog = dialog;
    try {
      const flow = await flowInDialog(this.#context, this.flow, request);
      await new Promise<void>((resolve) => {
        this.#context.transactions.send(request, flow, {
          response: (response) => response.status >= 200 && resolve(),
          failed: () => resolve(),
        });
      });
    } catch (thrown) {
      this.#context.log.debug('BYE not sent', { call: this.id, reason: messageOf(thrown) });
    }
  }
}

/**
 * The flow for a request within a dialog: a connection serves as long as it is open; over UDP the next hop's address
 * decides (RFC 3261 §12.2.1.1), and the known flow when that address is none this element can reach.
 */
export async function flowInDialog(context: UaContext, flow: Flow, request: SipRequest): Promise<Flow> {
  const { transport } = context.transactions;
  if (flow.reliable && !flow.closed) return flow;
  const target = targetOf(nextHopUri(request));
  if (target === undefined || target.host.toLowerCase() === transport.overlayDomain) return flow;
  try {
    return await transport.flowTo(target);
  } catch {
    return flow;
  }
}
