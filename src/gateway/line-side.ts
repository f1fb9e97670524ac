import type { EventHub, GatewayEvent } from '#gateway/events.ts';
import type { LineDesk } from '#gateway/line-desk.ts';
import type { LinePool } from '#gateway/line-pool.ts';
import type { LiveCalls } from '#gateway/live-calls.ts';
import { type Clock, delay } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { IncomingRing, LineStatus } from '#pstn/line.ts';
import type { OpenedNode } from '#reload/node/open-node.ts';
import { gatewayNamespaces } from '#reload/usages/pstn-gateway/gateway-names.ts';
import { type GatewayDescription, GatewayPublisher } from '#reload/usages/pstn-gateway/gateway-publisher.ts';

export interface LineSideDeps {
  readonly lines: LinePool;
  readonly calls: LiveCalls;
  readonly opened: OpenedNode;
  readonly events: EventHub;
  readonly clock: Clock;
  readonly log: Logger;
  /** The scenario for a ring of a line. */
  readonly ring: (desk: LineDesk, ring: IncomingRing) => Promise<void>;
}

const LOOK_AGAIN_MS = 500;

/**
 * Keeps the overlay's records of this gateway in step with its lines: published while a modem is there, with the number of free lines as
 * capacity, withdrawn while all modems are missing.
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

  /** Resolves once the first attempts to open the modems are over and the overlay knows of them. */
  async start(): Promise<void> {
    const { desks } = this.#deps.lines;
    for (const desk of desks) {
      desk.line.observe({ status: (status) => this.#changed(desk, status), ring: (ring) => this.#ring(desk, ring) });
    }
    await Promise.all(desks.map(({ line }) => line.start()));
    this.#follow();
    await this.#work;
  }

  /** Withdraws the records, then gives the lines back. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#follow();
    await this.#work;
    await Promise.all(this.#deps.lines.desks.map(({ line }) => line.stop()));
  }

  #changed(desk: LineDesk, status: LineStatus): void {
    this.#deps.events.emit({
      event: 'line',
      line: desk.line.name,
      state: status.state,
      emulated: desk.config.emulated,
      modem: 'modem' in status ? status.modem : undefined,
      reason: 'reason' in status ? status.reason : undefined,
    });
    this.#follow();
  }

  #ring(desk: LineDesk, ring: IncomingRing): void {
    this.#deps.ring(desk, ring).catch((thrown) => {
      this.#deps.log.error('ringing failed', { line: desk.line.name, reason: messageOf(thrown) });
    });
  }

  #follow(): void {
    this.#work = this.#work
      .then(() => this.#match())
      .catch((thrown) => {
        this.#deps.log.warn('gateway records', { reason: messageOf(thrown) });
      });
  }

  async #match(): Promise<void> {
    const { lines, events, opened } = this.#deps;
    const name = opened.node.records.userName;
    const wanted = lines.isPresent && !this.#isStopping;
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
    const { lines } = this.#deps;
    return {
      outbound: true,
      inbound: lines.desks.some(({ config }) => config.rings.length + config.ring.length > 0),
      emergency: this.#emergency,
      capacity: lines.freeLines,
      prefixes: lines.prefixes,
    };
  }
}
