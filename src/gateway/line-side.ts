import type { EventHub, GatewayEvent } from '#gateway/events.ts';
import type { LineDesk } from '#gateway/line-desk.ts';
import type { LiveCalls } from '#gateway/live-calls.ts';
import { type Clock, delay } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { IncomingRing, LineStatus } from '#pstn/line.ts';
import type { OpenedNode } from '#reload/node/open-node.ts';
import { gatewayNamespaces } from '#reload/usages/pstn-gateway/gateway-names.ts';
import { type GatewayDescription, GatewayPublisher } from '#reload/usages/pstn-gateway/gateway-publisher.ts';

export interface LineSideDeps {
  readonly desk: LineDesk;
  readonly calls: LiveCalls;
  readonly opened: OpenedNode;
  readonly events: EventHub;
  readonly clock: Clock;
  readonly log: Logger;
  /** The scenario for a ring. */
  readonly ring: (ring: IncomingRing) => Promise<void>;
}

const LOOK_AGAIN_MS = 500;

/**
 * Keeps the overlay's records of this gateway in step with its line: published while the modem is there, with capacity 0
 * while the line is busy, withdrawn while the modem is missing.
 */
export class LineSide {
  readonly #deps: LineSideDeps;
  readonly #emergency: boolean;
  #publisher: GatewayPublisher | undefined;
  #work: Promise<void> = Promise.resolve();
  #isStopping = false;

  constructor(deps: LineSideDeps, options: { readonly emergency: boolean }) {
    this.#deps = deps;
    this.#emergency = options.emergency;
  }

  get isPublished(): boolean {
    return this.#publisher?.isPublished ?? false;
  }

  /** Resolves once the first attempt to open the modem is over and the overlay knows of it. */
  async start(): Promise<void> {
    const { line } = this.#deps.desk;
    line.observe({ status: (status) => this.#changed(status), ring: (ring) => this.#ring(ring) });
    await line.start();
    this.#follow();
    await this.#work;
  }

  /** Withdraws the records, then gives the line back. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#follow();
    await this.#work;
    await this.#deps.desk.line.stop();
  }

  #changed(status: LineStatus): void {
    const { desk, events } = this.#deps;
    events.emit({
      event: 'line',
      line: desk.line.name,
      state: status.state,
      emulated: desk.config.emulated,
      modem: 'modem' in status ? status.modem : undefined,
      reason: 'reason' in status ? status.reason : undefined,
    });
    this.#follow();
  }

  #ring(ring: IncomingRing): void {
    this.#deps.ring(ring).catch((thrown) => this.#deps.log.error('ringing failed', { reason: messageOf(thrown) }));
  }

  #follow(): void {
    this.#work = this.#work
      .then(() => this.#match())
      .catch((thrown) => {
        this.#deps.log.warn('gateway records', { reason: messageOf(thrown) });
      });
  }

  async #match(): Promise<void> {
    const { desk, events, opened } = this.#deps;
    const name = opened.node.records.userName;
    const wanted = desk.isPresent && !this.#isStopping;
    if (!wanted) {
      const publisher = this.#publisher;
      this.#publisher = undefined;
      if (!publisher) return;
      await publisher.stop();
      events.emit({ event: 'withdrawn', name, reason: this.#isStopping ? 'stopping' : 'the modem is missing' });
      return;
    }
    const description = this.#describe();
    if (this.#publisher) return this.#publisher.update(description);
    const { node, configuration } = opened;
    const publisher = new GatewayPublisher({ ...this.#deps, records: node.records, configuration }, { description });
    this.#publisher = publisher;
    await publisher.start();
    const prefixes = description.prefixes.map(({ digits }) => digits);
    const namespaces = gatewayNamespaces(prefixes, configuration.current);
    this.#announce(publisher, { event: 'published', name, namespaces }).catch(() => {});
  }

  /** Tells of the records once they are in the overlay; the publisher repeats what failed at first. */
  async #announce(publisher: GatewayPublisher, event: GatewayEvent): Promise<void> {
    while (!publisher.isPublished) {
      if (this.#publisher !== publisher) return;
      await delay(this.#deps.clock, LOOK_AGAIN_MS);
    }
    this.#deps.events.emit(event);
  }

  #describe(): GatewayDescription {
    const { desk } = this.#deps;
    const { serves, rings, priority, cost } = desk.config;
    return {
      outbound: true,
      inbound: rings.length > 0,
      emergency: this.#emergency,
      capacity: desk.isFree ? 1 : 0,
      prefixes: serves.map((prefix) => ({ digits: prefix.slice(1), priority, cost })),
    };
  }
}
