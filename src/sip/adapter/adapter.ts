import type { Clock } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import {
  type AccountLookup,
  Authenticator,
  type AuthenticatorOptions,
  usualAlgorithms,
} from '#sip/adapter/authenticator.ts';
import { Bindings } from '#sip/adapter/bindings.ts';
import type { CallRouter, RegistrationObserver } from '#sip/adapter/call-router.ts';
import { FlowTokens } from '#sip/adapter/flow-tokens.ts';
import { LoopDetection } from '#sip/adapter/loop.ts';
import { CallProxy } from '#sip/adapter/proxy.ts';
import { Registrar } from '#sip/adapter/registrar.ts';
import type { SipRequest } from '#sip/message/message.ts';
import { isMessageFault } from '#sip/message/parser.ts';
import { replyTo } from '#sip/message/reply.ts';
import { type MailboxWatch, MwiNotifier } from '#sip/mwi/notifier.ts';
import { isMailSubscription } from '#sip/mwi/subscribe-request.ts';
import type { TransactionLayer } from '#sip/transaction/layer.ts';
import type { ServerTransaction } from '#sip/transaction/server-transaction.ts';
import type { FlowPeer } from '#sip/transport/flow.ts';

export interface AdapterDeps {
  readonly transactions: TransactionLayer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly accounts: AccountLookup;
  readonly router: CallRouter;
  readonly observer: RegistrationObserver;
  readonly local: (transaction: ServerTransaction, request: SipRequest) => void;
  /** With it phones may subscribe to what waits in mailboxes. */
  readonly mailboxes?: MailboxWatch;
}

export interface AdapterOptions {
  /** Realm of digest authentication; phones show it, and stored H(A1) depend on it. */
  readonly realm: string;
  /** Digest algorithms offered to a phone, most preferred first. Default: `usualAlgorithms`. */
  readonly algorithms?: AuthenticatorOptions['algorithms'];
  /** Whether what an overlay peer asserts about its caller is believed. Default: no peer's is. */
  readonly trusts?: (peer: FlowPeer) => boolean;
  /** Seconds. */
  readonly minExpires?: number;
  readonly maxExpires?: number;
  readonly defaultExpires?: number;
  readonly maxAors?: number;
  readonly maxContactsPerAor?: number;
  readonly nonceLifetimeMs?: number;
  readonly timerC?: number;
}

/** What unmodified phones need of a peer (RFC 7890 §2.2): a registrar and a proxy. */
export class Adapter {
  readonly bindings: Bindings;
  readonly #deps: AdapterDeps;
  readonly #authenticator: Authenticator;
  readonly #registrar: Registrar;
  readonly #proxy: CallProxy;
  readonly #mwi: MwiNotifier | undefined;

  constructor(deps: AdapterDeps, options: AdapterOptions) {
    this.#deps = deps;
    const changed = (aor: string, remainingMs: number) => {
      deps.observer.registration(aor, remainingMs);
      if (remainingMs > 0) this.#mwi?.registered(aor);
    };
    this.bindings = new Bindings(
      { clock: deps.clock, changed },
      { maxAors: options.maxAors ?? 4096, maxPerAor: options.maxContactsPerAor ?? 10 },
    );
    this.#authenticator = new Authenticator(deps, {
      realm: options.realm,
      algorithms: options.algorithms ?? usualAlgorithms,
      nonceLifetimeMs: options.nonceLifetimeMs ?? 300_000,
      guesses: 10,
    });
    this.#registrar = new Registrar(
      { clock: deps.clock, bindings: this.bindings },
      {
        minExpires: options.minExpires ?? 30,
        maxExpires: options.maxExpires ?? 3600,
        defaultExpires: options.defaultExpires ?? 3600,
      },
    );
    this.#proxy = new CallProxy(
      {
        ...deps,
        authenticator: this.#authenticator,
        bindings: this.bindings,
        tokens: new FlowTokens(deps),
        loops: new LoopDetection(deps),
      },
      { trusts: options.trusts ?? (() => false), timerC: options.timerC ?? 185_000 },
    );
    this.#mwi =
      deps.mailboxes &&
      new MwiNotifier({
        ...deps,
        authenticator: this.#authenticator,
        bindings: this.bindings,
        watch: deps.mailboxes,
      });
  }

  /** What waits in the mailbox of this AOR is something else than before. */
  mailChanged(aor: string): void {
    this.#mwi?.changed(aor);
  }

  request(transaction: ServerTransaction): void {
    this.#handle(transaction).catch((thrown: unknown) =>
      this.#deps.log.error('request failed', { reason: messageOf(thrown) }),
    );
  }

  acknowledge(request: SipRequest): void {
    this.#proxy.acknowledge(request);
  }

  async stop(): Promise<void> {
    await this.#mwi?.stop();
    this.bindings.clear();
  }

  #handle(transaction: ServerTransaction): Promise<void> {
    const { request } = transaction;
    if (request.method === 'REGISTER') return this.#register(transaction);
    if (this.#mwi !== undefined && isMailSubscription(request)) return this.#subscribe(transaction, this.#mwi);
    return this.#proxy.request(transaction);
  }

  async #subscribe(transaction: ServerTransaction, mwi: MwiNotifier): Promise<void> {
    try {
      await mwi.request(transaction);
    } catch (thrown) {
      this.#refuse(transaction, 'subscription failed', thrown);
    }
  }

  async #register(transaction: ServerTransaction): Promise<void> {
    const { request, flow } = transaction;
    try {
      // An overlay peer registers in the overlay, with its own certificate.
      if (flow.peer !== undefined) return transaction.respond(replyTo(request, 403));
      const verdict = await this.#authenticator.verify(request, 401, flow.remoteHost);
      transaction.respond(
        'refusal' in verdict ? verdict.refusal : this.#registrar.register(request, flow, verdict.account),
      );
    } catch (thrown) {
      this.#refuse(transaction, 'registration failed', thrown);
    }
  }

  #refuse(transaction: ServerTransaction, what: string, thrown: unknown): void {
    if (!isMessageFault(thrown)) this.#deps.log.error(what, { reason: messageOf(thrown) });
    transaction.respond(replyTo(transaction.request, isMessageFault(thrown) ? thrown.fault.status : 500));
  }
}
