import type { Clock } from '#platform/clock.ts';
import type { Logger } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import type { SipRequest } from '#sip/message/message.ts';
import { TransactionLayer, type TransactionLayerOptions } from '#sip/transaction/layer.ts';
import type { ServerTransaction } from '#sip/transaction/server-transaction.ts';
import type { Flow } from '#sip/transport/flow.ts';
import { type ListenAt, SipTransport, type TransportOptions } from '#sip/transport/transport.ts';
import type { SipStream } from '#sip/ua/call-engine.ts';
import type { CreateMedia, UaOptions } from '#sip/ua/context.ts';
import { SipCallEngine } from '#sip/ua/engine.ts';

export interface SipStackDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly createMedia: CreateMedia;
  readonly resolve?: (host: string) => Promise<string>;
}

export interface SipStackOptions {
  readonly transport: TransportOptions;
  readonly transactions?: TransactionLayerOptions;
  readonly ua?: Partial<UaOptions>;
}

/** SIP of one process, put together: transports, transactions and a call engine. */
export class SipStack {
  readonly engine: SipCallEngine;
  readonly transport: SipTransport;
  readonly transactions: TransactionLayer;

  constructor(deps: SipStackDeps, options: SipStackOptions) {
    this.transport = new SipTransport(deps, options.transport);
    this.transactions = new TransactionLayer({ ...deps, transport: this.transport }, options.transactions);
    this.engine = new SipCallEngine({ ...deps, transactions: this.transactions }, options.ua);
    this.transactions.use({
      request: (transaction) => this.#request(transaction),
      ack: (request, flow) => this.#ack(request, flow),
    });
  }

  /** Resolves with the address others reach it at. */
  listen(at: ListenAt): Promise<{ readonly host: string; readonly port: number }> {
    return this.transport.listen(at);
  }

  attachStream(stream: SipStream): void {
    this.transport.attach(stream);
  }

  async stop(): Promise<void> {
    await this.engine.stop();
    this.transactions.stop();
    await this.transport.stop();
  }

  #request(transaction: ServerTransaction): void {
    this.engine.request(transaction);
  }

  #ack(request: SipRequest, _flow: Flow): void {
    this.engine.acknowledge(request);
  }
}
