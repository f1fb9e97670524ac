import type { Clock } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import type { Authenticator } from '#sip/adapter/authenticator.ts';
import type { Bindings } from '#sip/adapter/bindings.ts';
import type { CallRouter, RouteAnswer, RouteTarget } from '#sip/adapter/call-router.ts';
import type { FlowTokens } from '#sip/adapter/flow-tokens.ts';
import { forwarded, withFewerForwards, withIdentity } from '#sip/adapter/forwarding.ts';
import type { LoopDetection } from '#sip/adapter/loop.ts';
import { takeOwnRoutes } from '#sip/adapter/own-routes.ts';
import { type Outgoing, ResponseContext } from '#sip/adapter/response-context.ts';
import { targetOf } from '#sip/dialog/target.ts';
import type { SipRequest, SipResponse } from '#sip/message/message.ts';
import { isMessageFault } from '#sip/message/parser.ts';
import { replyTo } from '#sip/message/reply.ts';
import { addressOfRecord, parseUri } from '#sip/message/uri.ts';
import { newTag } from '#sip/transaction/identifiers.ts';
import type { TransactionLayer } from '#sip/transaction/layer.ts';
import type { ServerTransaction } from '#sip/transaction/server-transaction.ts';
import type { Flow, FlowPeer } from '#sip/transport/flow.ts';

export interface ProxyDeps {
  readonly transactions: TransactionLayer;
  readonly authenticator: Authenticator;
  readonly bindings: Bindings;
  readonly router: CallRouter;
  readonly tokens: FlowTokens;
  readonly loops: LoopDetection;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Takes a request that the router wants answered in this process. */
  readonly local: (transaction: ServerTransaction, request: SipRequest) => void;
}

export interface ProxyOptions {
  /** Whether what a peer asserts about callers is believed (RFC 3325). */
  readonly trusts: (peer: FlowPeer) => boolean;
  readonly timerC: number;
}

/** Who a request is from: the account of a phone, or the certificate of an overlay connection. */
interface Sender {
  readonly caller: string;
  readonly isTrusted: boolean;
  readonly fromOverlay: boolean;
}

/** A stateful proxy between phones and overlay connections (RFC 3261 §16). */
export class CallProxy {
  readonly #deps: ProxyDeps;
  readonly #options: ProxyOptions;

  constructor(deps: ProxyDeps, options: ProxyOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Takes charge of a request; everything that goes wrong becomes a response. */
  async request(transaction: ServerTransaction): Promise<void> {
    const context = new ResponseContext(this.#deps, {
      transaction,
      timerC: this.#options.timerC,
      branchSuffix: this.#deps.loops.mark(transaction.request),
    });
    try {
      const refusal = await this.#handle(transaction, context);
      if (refusal !== undefined) transaction.respond(refusal);
    } catch (thrown) {
      const status = isMessageFault(thrown) ? thrown.fault.status : 500;
      if (status === 500) this.#deps.log.error('proxying failed', { reason: messageOf(thrown) });
      transaction.respond(this.#reply(transaction.request, status));
    }
  }

  /** Passes the ACK of a 2xx on; it has no transaction (RFC 3261 §16.11). */
  acknowledge(request: SipRequest): void {
    const { request: routed, flowKey } = takeOwnRoutes(this.#routeDeps, request);
    const flow = flowKey === undefined ? undefined : this.#deps.transactions.transport.flowOf(flowKey);
    if (flow === undefined || routed.headers.value('Max-Forwards') === '0') return;
    this.#deps.transactions.sendAck(routed.with({ headers: withFewerForwards(routed.headers) }), flow);
  }

  async #handle(transaction: ServerTransaction, context: ResponseContext): Promise<SipResponse | undefined> {
    const refusal = this.#check(transaction.request);
    if (refusal !== undefined) return refusal;
    const { request, flowKey } = takeOwnRoutes(this.#routeDeps, transaction.request);
    if (request.toTag !== undefined) {
      if (flowKey === undefined) return this.#reply(request, 481);
      const flow = this.#deps.transactions.transport.flowOf(flowKey);
      // RFC 5626 §5.3.1.
      if (flow === undefined) return this.#reply(request, 430);
      await context.round([
        forwarded(this.#deps.tokens, request, { uri: request.uri, from: transaction.flow, to: flow }),
      ]);
      context.finish();
      return undefined;
    }
    if (request.method === 'OPTIONS' && isForElement(request)) return this.#reply(request, 200);
    const sender = await this.#identify(transaction, request);
    if ('refusal' in sender) return sender.refusal;
    return this.#route(transaction, withIdentity(request, sender), { sender, context });
  }

  /** Request validation of RFC 3261 §16.3. */
  #check(request: SipRequest): SipResponse | undefined {
    if (request.headers.value('Max-Forwards') === '0' && !(request.method === 'OPTIONS' && isForElement(request))) {
      return this.#reply(request, 483);
    }
    if (this.#deps.loops.isLoop(request)) return this.#reply(request, 482);
    const required = request.headers.list('Proxy-Require');
    if (required.length === 0) return undefined;
    return replyTo(request, 420, { toTag: newTag(this.#deps.random), fields: [['Unsupported', required.join(', ')]] });
  }

  async #identify(
    transaction: ServerTransaction,
    request: SipRequest,
  ): Promise<Sender | { readonly refusal: SipResponse }> {
    const { peer, remoteHost } = transaction.flow;
    if (peer !== undefined) return { caller: peer.name, isTrusted: this.#options.trusts(peer), fromOverlay: true };
    const verdict = await this.#deps.authenticator.verify(request, 407, remoteHost);
    if ('refusal' in verdict) return verdict;
    const from = parseUri(request.from.uri, 'From');
    const claimed = from === undefined ? '' : addressOfRecord(from);
    // A phone calls under one of its own addresses; "anonymous" (RFC 3323 §4.1.1.3) hides it from the far end only.
    const isAnonymous = from?.user?.toLowerCase() === 'anonymous';
    const { aors } = verdict.account;
    if (!isAnonymous && !aors.includes(claimed)) return { refusal: this.#reply(request, 403) };
    return { caller: isAnonymous ? aors[0] : claimed, isTrusted: false, fromOverlay: false };
  }

  async #route(
    transaction: ServerTransaction,
    request: SipRequest,
    { sender, context }: { readonly sender: Sender; readonly context: ResponseContext },
  ): Promise<SipResponse | undefined> {
    const { caller, fromOverlay } = sender;
    const question = { method: request.method, requestUri: request.uri, caller, fromOverlay };
    const answer = await this.#ask(question, context.cancelled);
    if (context.cancelled.aborted) return this.#reply(request, 487);
    switch (answer.kind) {
      case 'reject':
        return replyTo(request, answer.status, {
          phrase: answer.phrase,
          toTag: newTag(this.#deps.random),
          fields: answer.retryAfterSeconds === undefined ? [] : [['Retry-After', String(answer.retryAfterSeconds)]],
        });
      case 'local':
        this.#deps.local(transaction, request);
        return undefined;
      case 'registered':
        return this.#fork(transaction, request, { ...answer, context });
      case 'targets':
        return this.#tryInTurn(transaction, request, { targets: answer.targets, context });
    }
  }

  async #ask(question: Parameters<CallRouter['route']>[0], signal: AbortSignal): Promise<RouteAnswer> {
    try {
      return await this.#deps.router.route(question, signal);
    } catch (thrown) {
      this.#deps.log.warn('no route found', { reason: messageOf(thrown) });
      return { kind: 'reject', status: 500, phrase: 'Server Internal Error' };
    }
  }

  /** All phones of an AOR at once (RFC 3261 §16.5, §16.6). */
  async #fork(
    transaction: ServerTransaction,
    request: SipRequest,
    {
      aor,
      elseLocalAfterMs,
      context,
    }: Extract<RouteAnswer, { kind: 'registered' }> & { readonly context: ResponseContext },
  ): Promise<SipResponse | undefined> {
    const outgoing: Outgoing[] = [];
    for (const binding of this.#deps.bindings.of(aor)) {
      const flow = await this.#flowTo(binding.flowKey, binding.uri);
      if (flow === undefined) continue;
      outgoing.push(forwarded(this.#deps.tokens, request, { uri: binding.uri, from: transaction.flow, to: flow }));
    }
    if (outgoing.length === 0 && elseLocalAfterMs === undefined) return this.#reply(request, 480);
    const { answered } = await context.round(outgoing, elseLocalAfterMs);
    if (!answered && elseLocalAfterMs !== undefined && !context.cancelled.aborted)
      this.#deps.local(transaction, request);
    else context.finish();
    return undefined;
  }

  async #flowTo(flowKey: string | undefined, contact: string): Promise<Flow | undefined> {
    const { transport } = this.#deps.transactions;
    if (flowKey !== undefined) return transport.flowOf(flowKey);
    const target = targetOf(contact);
    try {
      return target === undefined ? undefined : await transport.flowTo(target);
    } catch {
      return undefined;
    }
  }

  /** One target after the other: on after a 5xx, a timeout, or when it cannot be reached (RFC 3261 §16.7 step 5). */
  async #tryInTurn(
    transaction: ServerTransaction,
    request: SipRequest,
    { targets, context }: { readonly targets: readonly RouteTarget[]; readonly context: ResponseContext },
  ): Promise<undefined> {
    if (targets.length === 0) context.note(480);
    for (const target of targets) {
      if (context.cancelled.aborted) break;
      const flow = await this.#open(target, context);
      if (flow === undefined) continue;
      const next = forwarded(this.#deps.tokens, request, { uri: target.requestUri, from: transaction.flow, to: flow });
      const outcome = await context.round([next]);
      if (outcome.answered || !outcome.statuses.every((status) => status === 408 || (status >= 500 && status < 600)))
        break;
    }
    context.finish();
    return undefined;
  }

  async #open(target: RouteTarget, context: ResponseContext): Promise<Flow | undefined> {
    try {
      const reached = await target.open(context.cancelled);
      if (context.cancelled.aborted) return undefined;
      return await this.#deps.transactions.transport.flowTo(reached);
    } catch (thrown) {
      this.#deps.log.info('target not reached', { reason: messageOf(thrown) });
      context.note(503);
      return undefined;
    }
  }

  #reply(request: SipRequest, status: number): SipResponse {
    return replyTo(request, status, { toTag: newTag(this.#deps.random) });
  }

  get #routeDeps(): { readonly tokens: FlowTokens; readonly transport: TransactionLayer['transport'] } {
    return { tokens: this.#deps.tokens, transport: this.#deps.transactions.transport };
  }
}

/** A request without a user part is for the proxy itself, for example an OPTIONS that asks whether it is alive. */
function isForElement(request: SipRequest): boolean {
  return request.sipUri !== undefined && request.sipUri.user === undefined;
}
