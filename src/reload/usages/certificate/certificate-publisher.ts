import { equalBytes } from '#platform/bytes.ts';
import type { Clock } from '#platform/clock.ts';
import type { Logger } from '#platform/log.ts';
import type { Certificate } from '#reload/security/identity.ts';
import type { RecordClient } from '#reload/storage/record-client.ts';
import { requireFreeName } from '#reload/usages/certificate/free-name.ts';
import { Refresher, refreshInterval } from '#reload/usages/refresher.ts';
import { KindId } from '#reload/wire/codes.ts';
import { hashToResourceId, idBytes, type ResourceId } from '#reload/wire/ids.ts';

export interface CertificatePublisherDeps {
  readonly records: RecordClient;
  readonly certificate: Certificate;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether anybody can take any name in the overlay; then a name that another key has is not published (RFC 6940 §11.3.1). */
  readonly namesAreFree?: boolean;
}

const LIFETIME_SECONDS = 86_400;

/**
 * Stores this node's certificate under its Node-ID and its user name (RFC 6940 §8). A renewed certificate goes behind the old one;
 * one that is there already is refreshed where it stands.
 */
export class CertificatePublisher {
  readonly #deps: CertificatePublisherDeps;
  readonly #refresher: Refresher;

  constructor(deps: CertificatePublisherDeps) {
    this.#deps = deps;
    const { clock, log } = deps;
    this.#refresher = new Refresher(
      { clock, log, publish: (signal) => this.#publish(signal) },
      { name: 'own certificate', intervalMs: refreshInterval(LIFETIME_SECONDS) },
    );
  }

  get isPublished(): boolean {
    return this.#refresher.isPublished;
  }

  /** Resolves after the first attempt; a failed one is repeated. */
  start(): Promise<void> {
    return this.#refresher.refresh();
  }

  /** Refreshes no more. The certificate stays: others may still have to verify what this node signed. */
  stop(): Promise<void> {
    return this.#refresher.stop();
  }

  async #publish(signal: AbortSignal): Promise<void> {
    const { records, certificate, namesAreFree } = this.#deps;
    const { nodeId, userName } = records;
    if (namesAreFree === true) await requireFreeName(records, certificate, signal);
    await this.#store(KindId.certificateByNode, hashToResourceId(idBytes(nodeId)), signal);
    await this.#store(KindId.certificateByUser, hashToResourceId(userName), signal);
  }

  async #store(kind: number, resource: ResourceId, signal: AbortSignal): Promise<void> {
    const { records, certificate } = this.#deps;
    const { values } = await records.fetch({ resource, kind, signal });
    const present = values.find(({ value }) => equalBytes(value, certificate.der));
    const place = present?.place ?? ({ model: 'array', index: 'append' } as const);
    await records.store({
      resource,
      kind,
      values: [{ place, value: certificate.der }],
      lifetimeSeconds: LIFETIME_SECONDS,
      signal,
    });
  }
}
