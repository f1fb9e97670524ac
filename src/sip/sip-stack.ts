import { duplexPair } from 'node:stream';
import type { Clock } from '#platform/clock.ts';
import type { Logger } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import { Adapter, type AdapterOptions } from '#sip/adapter/adapter.ts';
import type { AccountLookup } from '#sip/adapter/authenticator.ts';
import type { CallRouter, RegistrationObserver } from '#sip/adapter/call-router.ts';
import type { SipRequest } from '#sip/message/message.ts';
import type { MailboxWatch } from '#sip/mwi/notifier.ts';
import { TransactionLayer, type TransactionLayerOptions } from '#sip/transaction/layer.ts';
import type { ServerTransaction } from '#sip/transaction/server-transaction.ts';
import { type ListenAt, SipTransport, type TransportOptions } from '#sip/transport/transport.ts';
import type { SipStream, SipTarget } from '#sip/ua/call-engine.ts';
import type { CreateMedia, UaOptions } from '#sip/ua/context.ts';
import { SipCallEngine } from '#sip/ua/engine.ts';
import { Registration, type RegistrationOptions } from '#sip/ua/registration.ts';

export interface SipStackDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly createMedia: CreateMedia;
  /** Address of a host name; the system's resolver when left out. */
  readonly resolve?: (host: string) => Promise<string>;
  /** With these the stack is a registrar and proxy for phones; without, every request goes to the call engine. */
  readonly adapter?: {
    readonly accounts: AccountLookup;
    readonly router: CallRouter;
    readonly observer: RegistrationObserver;
    readonly mailboxes?: MailboxWatch;
    readonly options: AdapterOptions;
  };
}

export interface SipStackOptions {
  readonly transport: TransportOptions;
  readonly transactions?: TransactionLayerOptions;
  readonly ua?: Partial<UaOptions>;
}

/**
 * SIP of one process, put together: transports, transactions, a call engine and, when asked for, registrar and proxy.
 * Listen on addresses, hand in overlay connections, place and take calls through `engine`.
 */
export class SipStack {
  readonly engine: SipCallEngine;
  readonly transactions: TransactionLayer;
  readonly #deps: SipStackDeps;
  readonly #transport: SipTransport;
  readonly #adapter: Adapter | undefined;
  readonly #ownProxies = new Map<string, SipStream>();

  constructor(deps: SipStackDeps, options: SipStackOptions) {
    this.#deps = deps;
    this.#transport = new SipTransport(deps, options.transport);
    this.transactions = new TransactionLayer({ ...deps, transport: this.#transport }, options.transactions);
    const shared = { clock: deps.clock, random: deps.random, transactions: this.transactions };
    this.engine = new SipCallEngine(
      { ...shared, log: deps.log.child('ua'), createMedia: deps.createMedia },
      options.ua ?? {},
    );
    this.#adapter =
      deps.adapter &&
      new Adapter(
        {
          ...shared,
          ...deps.adapter,
          log: deps.log.child('adapter'),
          local: (transaction, request) => this.engine.request(transaction, request),
        },
        deps.adapter.options,
      );
    this.transactions.use({
      request: (transaction) => this.#request(transaction),
      ack: (request) => this.#acknowledge(request),
      closed: (flow) => this.engine.flowClosed(flow),
    });
  }

  /** Opens a socket. Resolves with the address others reach it at. */
  listen(at: ListenAt): Promise<{ readonly host: string; readonly port: number }> {
    return this.#transport.listen(at);
  }

  /** Takes SIP from an overlay connection that the far end made. One that is called over needs no attaching. */
  attachStream(stream: SipStream): void {
    this.#transport.attach(stream);
  }

  /** Registers this user agent as a phone would; `start` and `stop` it. */
  registration(options: RegistrationOptions): Registration {
    return new Registration({ ...this.#deps, transactions: this.transactions }, options);
  }

  /**
   * A target whose requests enter this stack's own proxy, as if they came over an overlay connection of that name:
   * the way to call phones that are registered here.
   */
  ownProxy(name: string, node: string): SipTarget {
    const known = this.#ownProxies.get(`${name} ${node}`);
    if (known !== undefined && !known.duplex.destroyed) return { transport: 'stream', stream: known };
    const [near, far] = duplexPair();
    this.attachStream({ duplex: far, peerName: name, peerNode: node });
    const stream = { duplex: near, peerName: name, peerNode: `own-proxy-of-${node}` };
    this.#ownProxies.set(`${name} ${node}`, stream);
    return { transport: 'stream', stream };
  }

  /** AORs with a registered phone. */
  get registeredAors(): readonly string[] {
    return this.#adapter?.bindings.aors ?? [];
  }

  /** What waits in the mailbox of this AOR is something else than before: phones that watch it are told. */
  mailChanged(aor: string): void {
    this.#adapter?.mailChanged(aor);
  }

  /** Ends all calls, then closes all sockets and connections. */
  async stop(): Promise<void> {
    await this.engine.stop();
    await this.#adapter?.stop();
    this.transactions.stop();
    await this.#transport.stop();
  }

  #request(transaction: ServerTransaction): void {
    if (this.#adapter === undefined || this.engine.owns(transaction.request)) this.engine.request(transaction);
    else this.#adapter.request(transaction);
  }

  #acknowledge(request: SipRequest): void {
    if (!this.engine.acknowledge(request)) this.#adapter?.acknowledge(request);
  }
}
