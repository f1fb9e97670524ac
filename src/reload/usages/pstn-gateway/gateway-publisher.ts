import type { Clock } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { ConfigurationSource } from '#reload/overlay-config/configuration.ts';
import type { RecordClient } from '#reload/storage/record-client.ts';
import { gatewayNamespaces, isGatewayName } from '#reload/usages/pstn-gateway/gateway-names.ts';
import { RedirRegistration } from '#reload/usages/redir/redir-service.ts';
import { Refresher, refreshInterval } from '#reload/usages/refresher.ts';
import { encode } from '#reload/wire/codec.ts';
import { KindId } from '#reload/wire/codes.ts';
import { type Destination, nodeDestination } from '#reload/wire/destination.ts';
import { hashToResourceId, idBytes } from '#reload/wire/ids.ts';
import { type PstnGateway, PstnGatewayFlag, pstnGateway } from '#reload/wire/pstn-gateway.ts';

/** What a gateway says of itself. */
export interface GatewayDescription {
  /** Takes calls from the overlay to the telephone network. */
  readonly outbound: boolean;
  /** Brings calls from the telephone network into the overlay. */
  readonly inbound: boolean;
  readonly emergency: boolean;
  /** Lines that are free now; 0 while all are busy. */
  readonly capacity: number;
  readonly prefixes: readonly ServedPrefix[];
  /** A predicate of RFC 3840, perhaps empty. */
  readonly contactPrefs?: string;
}

export interface ServedPrefix {
  /** Leading digits of E.164 numbers without the plus sign; empty for all. */
  readonly digits: string;
  /** 0..255, the lowest is tried first. */
  readonly priority: number;
  /** 0..65535, in units the overlay's operator sets. */
  readonly cost: number;
}

type GatewayFault = { readonly code: 'not-a-gateway-name'; readonly userName: string };

export interface GatewayPublisherDeps {
  readonly records: RecordClient;
  readonly configuration: ConfigurationSource;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface GatewayPublisherOptions {
  readonly description: GatewayDescription;
  /** How the gateway is reached; by default by its Node-ID alone. */
  readonly destinations?: readonly Destination[];
}

const LIFETIME_SECONDS = 600;

/** Publishes this node as a PSTN gateway: its description, then one ReDiR registration for each namespace it serves. */
export class GatewayPublisher {
  readonly #deps: GatewayPublisherDeps;
  readonly #destinations: readonly Destination[];
  readonly #refresher: Refresher;
  readonly #services = new Map<string, RedirRegistration>();
  #description: GatewayDescription;
  #expires = 0;
  #isRunning = false;

  constructor(deps: GatewayPublisherDeps, options: GatewayPublisherOptions) {
    this.#deps = deps;
    this.#description = options.description;
    this.#destinations = options.destinations ?? [nodeDestination(deps.records.nodeId)];
    const { clock, log } = deps;
    this.#refresher = new Refresher(
      { clock, log, publish: (signal) => this.#publishDescription(signal) },
      { name: 'gateway description', intervalMs: refreshInterval(LIFETIME_SECONDS) },
    );
  }

  /** Whether description and all registrations are in the overlay. */
  get isPublished(): boolean {
    return this.#refresher.isPublished && [...this.#services.values()].every((service) => service.isPublished);
  }

  /**
   * Resolves after the first attempt; what failed is repeated. Rejects with `Failure<GatewayFault>` when nobody would trust this node
   * as a gateway.
   */
  async start(): Promise<void> {
    const { records, configuration } = this.#deps;
    const { pstnDomain } = configuration.current;
    if (!isGatewayName(records.userName, { pstnDomain })) {
      throw new Failure<GatewayFault>(
        { code: 'not-a-gateway-name', userName: records.userName },
        `${records.userName} is no gateway of this overlay: have its operator enroll this node under a name @${pstnDomain}`,
      );
    }
    this.#isRunning = true;
    // Description first: who finds a registration looks at once for it.
    await this.#refresher.refresh();
    await this.#matchServices();
  }

  /** Publishes a new description at once, for example when the line became busy. */
  async update(description: GatewayDescription): Promise<void> {
    this.#description = description;
    if (!this.#isRunning) return;
    await this.#refresher.refresh();
    await this.#matchServices();
  }

  /** Removes everything. Rejects with `Failure<ExchangeFault>` when the overlay can't be reached; the records then expire. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    const services = [...this.#services.values()];
    this.#services.clear();
    await this.#refresher.stop();
    const isPresent = this.#expires > this.#deps.clock.now();
    this.#expires = 0;
    const outcomes = await Promise.allSettled([
      ...services.map((service) => service.stop()),
      ...(isPresent ? [this.#store(undefined)] : []),
    ]);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  /** Registers for the namespaces of the present prefixes, and no longer for others. */
  async #matchServices(): Promise<void> {
    if (!this.#isRunning) return;
    const { configuration } = this.#deps;
    const prefixes = this.#description.prefixes.map(({ digits }) => digits);
    const wanted = new Set(gatewayNamespaces(prefixes, configuration.current));
    const changes: Promise<void>[] = [];
    for (const [namespace, service] of this.#services) {
      if (wanted.has(namespace)) continue;
      this.#services.delete(namespace);
      changes.push(service.stop());
    }
    for (const namespace of wanted) {
      if (this.#services.has(namespace)) continue;
      const service = new RedirRegistration(this.#deps, { namespace, destinations: this.#destinations });
      this.#services.set(namespace, service);
      changes.push(service.start());
    }
    // A registration that could not be removed expires by itself.
    await Promise.allSettled(changes);
  }

  async #publishDescription(signal: AbortSignal): Promise<void> {
    this.#expires = this.#deps.clock.now() + LIFETIME_SECONDS * 1000;
    await this.#store(encode(pstnGateway, this.#record()), signal);
  }

  #record(): PstnGateway {
    const { outbound, inbound, emergency, capacity, prefixes, contactPrefs } = this.#description;
    return {
      version: 1,
      flags:
        (outbound ? PstnGatewayFlag.outbound : 0) |
        (inbound ? PstnGatewayFlag.inbound : 0) |
        (emergency ? PstnGatewayFlag.emergency : 0),
      capacity,
      aor: this.#deps.records.userName,
      destinationList: this.#destinations,
      prefixes,
      contactPrefs: contactPrefs ?? '',
      extensions: new Uint8Array(),
    };
  }

  async #store(value: Uint8Array | undefined, signal?: AbortSignal): Promise<void> {
    const { records } = this.#deps;
    await records.store({
      resource: hashToResourceId(idBytes(records.nodeId)),
      kind: KindId.pstnGateway,
      values: [{ place: { model: 'single' }, value }],
      lifetimeSeconds: LIFETIME_SECONDS,
      ...(signal === undefined ? {} : { signal }),
    });
  }
}
