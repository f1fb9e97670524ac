import type { Clock } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { ConfigurationSource } from '#reload/overlay-config/configuration.ts';
import type { RecordClient } from '#reload/storage/record-client.ts';
import { Refresher, refreshInterval } from '#reload/usages/refresher.ts';
import { type Aor, parseAor } from '#reload/usages/sip/aor.ts';
import { registrableNames } from '#reload/usages/sip/sip-registration-kind.ts';
import { encode } from '#reload/wire/codec.ts';
import { KindId } from '#reload/wire/codes.ts';
import type { Destination } from '#reload/wire/destination.ts';
import { hashToResourceId, idBytes } from '#reload/wire/ids.ts';
import { type SipRegistration, sipRegistration } from '#reload/wire/sip-registration.ts';

export type SipUsageFault =
  /** The user name of the certificate is no AOR, or its domain may not register here. */
  | { readonly code: 'not-registrable'; readonly userName: string }
  | { readonly code: 'not-an-aor'; readonly text: string };

/** Where calls for the AOR go. */
export type Binding =
  /** `contactPrefs` is a predicate of RFC 3840, perhaps empty; `(sip.schemes=SIPS)` asks for application 5061. */
  | { readonly type: 'route'; readonly destinations: readonly Destination[]; readonly contactPrefs?: string }
  /** Another AOR, or a GRUU. */
  | { readonly type: 'uri'; readonly uri: string };

export interface AorRegistrationDeps {
  /** Stores as the user: its user name is the AOR and its Node-ID the dictionary key (RFC 7904 §3.3). */
  readonly records: RecordClient;
  readonly configuration: ConfigurationSource;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface AorRegistrationOptions {
  readonly binding: Binding;
  /** One hour by default. */
  readonly lifetimeSeconds?: number;
}

const LIFETIME_SECONDS = 3600;

/** The registration of one AOR from one node: published, kept alive, and removed in the end (RFC 7904 §3). */
export class AorRegistration {
  readonly #deps: AorRegistrationDeps;
  readonly #lifetime: number;
  readonly #refresher: Refresher;
  #binding: Binding;
  /** When the last registration that may have reached the overlay ends there. */
  #expires = 0;

  constructor(deps: AorRegistrationDeps, options: AorRegistrationOptions) {
    this.#deps = deps;
    this.#binding = options.binding;
    this.#lifetime = options.lifetimeSeconds ?? LIFETIME_SECONDS;
    const { clock, log } = deps;
    this.#refresher = new Refresher(
      { clock, log, publish: (signal) => this.#publish(signal) },
      { name: `registration of ${deps.records.userName}`, intervalMs: refreshInterval(this.#lifetime) },
    );
  }

  get isPublished(): boolean {
    return this.#refresher.isPublished;
  }

  /**
   * Resolves after the first attempt; a failed one is repeated. Rejects with `Failure<SipUsageFault>` where every peer would have to
   * refuse the name (RFC 7904 §3.3).
   */
  async start(): Promise<void> {
    this.#aor();
    await this.#refresher.refresh();
  }

  /** Replaces what is registered. */
  async update(binding: Binding): Promise<void> {
    this.#binding = binding;
    await this.#refresher.refresh();
  }

  /** Removes the registration. Rejects with `Failure<ExchangeFault>` when the overlay can't be reached; it then ends by itself. */
  async stop(): Promise<void> {
    await this.#refresher.stop();
    const isPresent = this.#expires > this.#deps.clock.now();
    this.#expires = 0;
    if (isPresent) await this.#store(undefined);
  }

  async #publish(signal: AbortSignal): Promise<void> {
    this.#expires = this.#deps.clock.now() + this.#lifetime * 1000;
    await this.#store(encodeBinding(this.#binding), signal);
  }

  async #store(value: Uint8Array | undefined, signal?: AbortSignal): Promise<void> {
    const { records } = this.#deps;
    await records.store({
      resource: hashToResourceId(this.#aor()),
      kind: KindId.sipRegistration,
      values: [{ place: { model: 'dictionary', key: idBytes(records.nodeId) }, value }],
      lifetimeSeconds: this.#lifetime,
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /** The user name is hashed as it stands in the certificate: storing peers do the same. */
  #aor(): Aor {
    const { records, configuration } = this.#deps;
    const { userName } = records;
    if (parseAor(userName) === userName && registrableNames(configuration.current)(userName)) return userName as Aor;
    throw new Failure<SipUsageFault>(
      { code: 'not-registrable', userName },
      `${userName} can't be registered in overlay ${configuration.current.instanceName}: ` +
        'enroll under a name of one of its domains, in lower case after the @',
    );
  }
}

function encodeBinding(binding: Binding): Uint8Array {
  const record: SipRegistration =
    binding.type === 'uri'
      ? binding
      : { type: 'route', contactPrefs: binding.contactPrefs ?? '', destinationList: binding.destinations };
  return encode(sipRegistration, record);
}
