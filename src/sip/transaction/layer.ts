import type { Clock } from '#platform/clock.ts';
import type { Logger } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import type { SipMessage, SipRequest, SipResponse } from '#sip/message/message.ts';
import { isMessageFault } from '#sip/message/parser.ts';
import { printMessage } from '#sip/message/printer.ts';
import { replyTo } from '#sip/message/reply.ts';
import { type ClientObserver, ClientTransaction, cancelFor } from '#sip/transaction/client-transaction.ts';
import { newBranch, serverKey, viaFor } from '#sip/transaction/identifiers.ts';
import { ServerTransaction } from '#sip/transaction/server-transaction.ts';
import { DEFAULT_TIMERS, type TimerValues } from '#sip/transaction/timers.ts';
import type { Flow } from '#sip/transport/flow.ts';
import type { SipTransport } from '#sip/transport/transport.ts';

export interface TransactionLayerDeps {
  readonly transport: SipTransport;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface TransactionLayerOptions {
  readonly timers?: TimerValues;
  /** Server transactions at a time; more requests get 503. */
  readonly maxServerTransactions?: number;
}

/** The core above: user agents and the proxy (RFC 3261 §5). */
export interface TransactionUser {
  /** A new request, ACK and CANCEL excepted. */
  request(transaction: ServerTransaction): void;
  /** An ACK for a 2xx: it belongs to no transaction (RFC 3261 §17). */
  ack(request: SipRequest, flow: Flow): void;
  /** A connection is gone; its transactions have been told. */
  closed?(flow: Flow): void;
}

export interface SendOptions {
  /** Added to the branch after a dot. */
  readonly branchSuffix?: string;
}

/** Matches messages to transactions (RFC 3261 §17.1.3, §17.2.3) and makes new ones. */
export class TransactionLayer {
  readonly transport: SipTransport;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Logger;
  readonly #timers: TimerValues;
  readonly #maxServerTransactions: number;
  readonly #servers = new Map<string, ServerTransaction>();
  readonly #clients = new Map<string, ClientTransaction>();
  #user: TransactionUser | undefined;

  constructor(deps: TransactionLayerDeps, options: TransactionLayerOptions = {}) {
    this.transport = deps.transport;
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#log = deps.log;
    this.#timers = options.timers ?? DEFAULT_TIMERS;
    this.#maxServerTransactions = options.maxServerTransactions ?? 8192;
  }

  get timers(): TimerValues {
    return this.#timers;
  }

  /** Server and client transactions alive, for status and tests. */
  get sizes(): { readonly server: number; readonly client: number } {
    return { server: this.#servers.size, client: this.#clients.size };
  }

  /** Starts to take messages from the transport. */
  use(user: TransactionUser): void {
    this.#user = user;
    this.transport.use({
      message: (message, flow) => this.#receive(message, flow),
      closed: (flow) => this.#flowClosed(flow),
    });
  }

  /** Sends a request, its own Via put on top, in a new client transaction. */
  send(request: SipRequest, flow: Flow, observer: ClientObserver, options: SendOptions = {}): ClientTransaction {
    const via = viaFor(flow, newBranch(this.#random, options.branchSuffix));
    return this.#start(request.with({ headers: request.headers.prepend('Via', via) }), flow, observer);
  }

  /** Sends an ACK for a 2xx, which has no transaction (RFC 3261 §13.2.2.4, §16.11). */
  sendAck(request: SipRequest, flow: Flow): void {
    const via = viaFor(flow, newBranch(this.#random));
    flow.send(printMessage(request.with({ headers: request.headers.prepend('Via', via) })));
  }

  /** Cancels a pending INVITE. To be called once a provisional response is there, and not after the final one. */
  cancel(invite: ClientTransaction, reason?: string): void {
    if (invite.state !== 'proceeding') return;
    // Whatever the answer to the CANCEL is, the INVITE's own answer decides (RFC 3261 §9.1).
    this.#start(cancelFor(invite.request, reason), invite.flow, { response: () => {}, failed: () => {} });
  }

  stop(): void {
    for (const transaction of [...this.#servers.values(), ...this.#clients.values()]) transaction.abandon();
    this.#servers.clear();
    this.#clients.clear();
  }

  #start(request: SipRequest, flow: Flow, observer: ClientObserver): ClientTransaction {
    const key = clientKey(request.via.parameters.get('branch'), request.method);
    const ended = () => this.#clients.delete(key);
    const settings = { timers: this.#timers, reliable: flow.reliable };
    const guarded = {
      response: (response: SipResponse) => this.#guard(() => observer.response(response)),
      failed: (cause: 'timeout' | 'transport') => this.#guard(() => observer.failed(cause)),
    };
    const transaction = new ClientTransaction(
      { clock: this.#clock, observer: guarded, ended },
      { request, flow, settings },
    );
    this.#clients.set(key, transaction);
    transaction.start();
    return transaction;
  }

  #receive(message: SipMessage, flow: Flow): void {
    if (message.kind === 'response') {
      const key = clientKey(message.via.parameters.get('branch'), message.cseq.method);
      this.#clients.get(key)?.receive(message);
      return;
    }
    const method = message.method === 'ACK' ? 'INVITE' : message.method;
    const known = this.#servers.get(serverKey(message, method));
    if (known !== undefined) known.receive(message, flow);
    else if (message.method === 'ACK') this.#user?.ack(message, flow);
    else this.#accept(message, flow);
  }

  #accept(request: SipRequest, flow: Flow): void {
    const answerFlow = this.transport.answerFlow(request, flow);
    if (this.#servers.size >= this.#maxServerTransactions) {
      answerFlow.send(printMessage(replyTo(request, 503, { fields: [['Retry-After', '10']] })));
      return;
    }
    const key = serverKey(request, request.method);
    const transaction = new ServerTransaction(
      {
        clock: this.#clock,
        pass: (passed) => this.#guard(() => this.#passOrRefuse(passed)),
        passAck: (ack, from) => this.#guard(() => this.#user?.ack(ack, from)),
        ended: () => this.#servers.delete(key),
      },
      { request, flow, answerFlow, settings: { timers: this.#timers, reliable: flow.reliable } },
    );
    this.#servers.set(key, transaction);
    transaction.start();
  }

  /** A transaction that nobody answers would stay for ever. */
  #passOrRefuse(transaction: ServerTransaction): void {
    try {
      this.#pass(transaction);
    } catch (thrown) {
      transaction.respond(replyTo(transaction.request, isMessageFault(thrown) ? thrown.fault.status : 500));
      if (!isMessageFault(thrown)) throw thrown;
    }
  }

  #pass(transaction: ServerTransaction): void {
    const { request } = transaction;
    if (request.method !== 'CANCEL') {
      this.#user?.request(transaction);
      return;
    }
    // RFC 3261 §9.2, §16.10: the CANCEL is answered here, its INVITE by the one that owns it.
    const invite = this.#servers.get(serverKey(request, 'INVITE'));
    transaction.respond(replyTo(request, invite === undefined ? 481 : 200));
    invite?.cancel(request.headers.value('Reason'));
  }

  #flowClosed(flow: Flow): void {
    for (const transaction of [...this.#clients.values(), ...this.#servers.values()]) {
      if (transaction.flow === flow) this.#guard(() => transaction.transportFailed());
    }
    this.#guard(() => this.#user?.closed?.(flow));
  }

  /** A defect in one call must not end the others. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (thrown) {
      this.#log.error('transaction user failed', {
        reason: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
      });
    }
  }
}

function clientKey(branch: string | undefined, method: string): string {
  return `${branch ?? ''} ${method}`;
}
