import { delay } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { NewField } from '#sip/message/headers.ts';
import type { SipRequest, SipResponse } from '#sip/message/message.ts';
import { replyTo } from '#sip/message/reply.ts';
import { newTag } from '#sip/transaction/identifiers.ts';
import type { ServerTransaction } from '#sip/transaction/server-transaction.ts';
import type { Flow } from '#sip/transport/flow.ts';
import type { Call, CallEngine, CallFault, CallOptions, IncomingCall } from '#sip/ua/call-engine.ts';
import type { CallLeg } from '#sip/ua/call-leg.ts';
import {
  ALLOWED_METHODS,
  descriptionIn,
  SDP_TYPE,
  type UaContext,
  type UaDeps,
  type UaOptions,
} from '#sip/ua/context.ts';
import { IncomingInvite } from '#sip/ua/incoming-invite.ts';
import { placeCall } from '#sip/ua/outgoing-invite.ts';

/** One member may have a quarter of all calls, and two in any case. */
const SHARES = 4;

/** The user agent: calls with sound over the transactions of this process (RFC 3261 §8, §12-15). */
export class SipCallEngine implements CallEngine {
  readonly #context: UaContext;
  readonly #legs = new Map<string, CallLeg>();
  readonly #pending = new Map<string, IncomingInvite>();
  /** Aborts calls being placed when the engine stops. */
  readonly #outgoing = new Set<AbortController>();
  #handler: ((call: IncomingCall) => void) | undefined;
  #stopped = false;

  constructor(deps: UaDeps, options: Partial<UaOptions> = {}) {
    this.#context = {
      ...deps,
      options: {
        mediaAddresses: options.mediaAddresses ?? {},
        userAgent: options.userAgent ?? 'copperring',
        answerTimeoutMs: options.answerTimeoutMs ?? 180_000,
        maxCalls: options.maxCalls ?? 64,
      },
    };
  }

  /** Calls up or being set up. */
  get activeCalls(): number {
    return this.#legs.size + this.#pending.size + this.#outgoing.size;
  }

  async call(options: CallOptions, onRinging: () => void = () => {}): Promise<Call> {
    if (this.#stopped || this.activeCalls >= this.#context.options.maxCalls) {
      throw new Failure<CallFault>({ code: 'rejected', status: 503 }, 'No more calls can be placed now');
    }
    const stop = new AbortController();
    this.#outgoing.add(stop);
    const signal = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal]);
    try {
      return await placeCall(this.#context, {
        options: { ...options, signal },
        onRinging,
        established: (leg) => this.#established(leg),
        forgetLeg: (leg) => this.#forget(leg),
      });
    } finally {
      this.#outgoing.delete(stop);
    }
  }

  onIncoming(handler: (call: IncomingCall) => void): void {
    this.#handler = handler;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const controller of this.#outgoing) controller.abort();
    for (const invite of [...this.#pending.values()]) invite.reject(480, 'Going Away');
    const hungUp = Promise.all([...this.#legs.values()].map((leg) => leg.hangUp()));
    // A far end that is gone too must not hold up the end of the process: its BYE is sent a few times, that has to do.
    const { clock, transactions } = this.#context;
    await Promise.race([hungUp, delay(clock, 4 * transactions.timers.t1)]);
  }

  /** Whether a request belongs to a dialog of this engine. */
  owns(request: SipRequest): boolean {
    return request.toTag !== undefined && this.#legs.has(legKey(request.callId, request.toTag, request.fromTag ?? ''));
  }

  /** A request for this user agent. `request` is what the proxy in front made of it, else that of the transaction. */
  request(transaction: ServerTransaction, request: SipRequest = transaction.request): void {
    const leg = this.#legs.get(legKey(request.callId, request.toTag ?? '', request.fromTag ?? ''));
    if (leg !== undefined) {
      leg.request(transaction);
      return;
    }
    const response = this.#respondTo(transaction, request);
    if (response !== undefined) transaction.respond(response);
  }

  /** An ACK of a 2xx. False when it is for none of the calls here. */
  acknowledge(request: SipRequest): boolean {
    const leg = this.#legs.get(legKey(request.callId, request.toTag ?? '', request.fromTag ?? ''));
    leg?.acknowledge(request);
    return leg !== undefined;
  }

  /** An overlay connection is gone: its far end cannot be reached any more, so its calls are over. */
  flowClosed(flow: Flow): void {
    if (flow.peer === undefined) return;
    for (const leg of [...this.#legs.values()])
      if (leg.flow === flow) leg.fail(undefined, 'the connection to the far end broke');
  }

  /** The answer to a request outside of dialogs; undefined when an incoming call gives it. */
  #respondTo(transaction: ServerTransaction, request: SipRequest): SipResponse | undefined {
    if (request.toTag !== undefined) return replyTo(request, 481);
    const toTag = newTag(this.#context.random);
    const required = request.headers.list('Require');
    if (required.length > 0) {
      // No extension is understood, so none can be required (RFC 3261 §8.2.2.3).
      return replyTo(request, 420, { toTag, fields: [['Unsupported', required.join(', ')]] });
    }
    const allow: NewField = ['Allow', ALLOWED_METHODS];
    switch (request.method) {
      case 'INVITE':
        return this.#invite(transaction, request, toTag);
      case 'OPTIONS':
        return replyTo(request, 200, { toTag, fields: [allow, ['Accept', SDP_TYPE]] });
      case 'BYE':
      case 'UPDATE':
      case 'INFO':
        return replyTo(request, 481, { toTag });
      default:
        return replyTo(request, 405, { toTag, fields: [allow] });
    }
  }

  #invite(transaction: ServerTransaction, request: SipRequest, toTag: string): SipResponse | undefined {
    if (request.body.length > 0 && descriptionIn(request) === undefined) {
      return replyTo(request, 415, { toTag, fields: [['Accept', SDP_TYPE]] });
    }
    // RFC 3261 §8.2.2.2: the same request by another way; the first one is being served.
    const key = `${request.callId} ${request.fromTag ?? ''} ${request.cseq.number}`;
    if (this.#pending.has(key)) return replyTo(request, 482, { toTag });
    if (this.#handler === undefined || this.#stopped) return replyTo(request, 480, { toTag });
    // 503, not 480: that has whoever asked go on to the next gateway (RFC 3261 §21.5.4).
    const { maxCalls } = this.#context.options;
    if (this.activeCalls >= maxCalls || this.#holdsItsShare(transaction.flow)) return replyTo(request, 503, { toTag });
    const invite = new IncomingInvite(this.#context, {
      transaction,
      request,
      established: (leg) => this.#established(leg),
      forgetLeg: (leg) => this.#forget(leg),
      settled: () => this.#pending.delete(key),
    });
    this.#pending.set(key, invite);
    try {
      this.#handler(invite);
    } catch (thrown) {
      this.#context.log.error('incoming call handler failed', { reason: String(thrown) });
      invite.reject(500, 'Server Internal Error');
    }
    return undefined;
  }

  /** Nobody of the overlay gets at all the calls that this program can handle: others may have to call for help. */
  #holdsItsShare({ peer }: Flow): boolean {
    if (peer === undefined) return false;
    const share = Math.max(2, Math.floor(this.#context.options.maxCalls / SHARES));
    const isTheirs = (other: { readonly name: string } | undefined) => other?.name === peer.name;
    const pending = [...this.#pending.values()].filter((invite) => isTheirs(invite.peer));
    const legs = [...this.#legs.values()].filter((leg) => isTheirs(leg.flow.peer));
    return pending.length + legs.length >= share;
  }

  #established(leg: CallLeg): void {
    this.#legs.set(legKey(leg.dialog.callId, leg.dialog.localTag, leg.dialog.remoteTag), leg);
  }

  #forget(leg: CallLeg): void {
    this.#legs.delete(legKey(leg.dialog.callId, leg.dialog.localTag, leg.dialog.remoteTag));
  }
}

function legKey(callId: string, localTag: string, remoteTag: string): string {
  return `${callId} ${localTag} ${remoteTag}`;
}
