import type { Clock, Timer } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { Exchange } from '#reload/messaging/exchange.ts';
import type { ConfigurationSource } from '#reload/overlay-config/configuration.ts';
import type { Verifier } from '#reload/security/identity.ts';
import type { Kinds, StorageContext } from '#reload/storage/context.ts';
import { discardUnknownKinds } from '#reload/storage/discarding.ts';
import { handleFetch } from '#reload/storage/handlers/fetch.ts';
import { handleFind } from '#reload/storage/handlers/find.ts';
import { handleStat } from '#reload/storage/handlers/stat.ts';
import { handleStore, type StoreParts } from '#reload/storage/handlers/store.ts';
import { HandoverCopies } from '#reload/storage/handover-copies.ts';
import { type RecordName, RecordTable } from '#reload/storage/record-table.ts';
import { Replicator, type ReplicatorOptions } from '#reload/storage/replicator.ts';
import type { Responsibility } from '#reload/storage/responsibility.ts';
import { ValueVerification } from '#reload/storage/value-verification.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';
import type { KeyValueNamespace } from '#store/key-value-store.ts';

export interface StorageDeps {
  readonly exchange: Exchange;
  readonly responsibility: Responsibility;
  /** A namespace of its own. */
  readonly store: KeyValueNamespace;
  readonly verifier: Verifier;
  readonly nodeId: NodeId;
  readonly configuration: ConfigurationSource;
  readonly kinds: Kinds;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface StorageOptions extends ReplicatorOptions {
  /** Most records (one Kind at one Resource-ID each) this peer keeps. */
  readonly maxRecords?: number;
  /** Most values that one member may have here as an owner. */
  readonly maxValuesPerSigner?: number;
}

const MAX_RECORDS = 100_000;
/** Some Kinds let one member write at any number of places: nobody may have more than a hundredth part of the store. */
const MAX_VALUES_PER_SIGNER = 1000;
const SWEEP_INTERVAL_MS = 60_000;
/** Records looked through in one turn of the event loop. */
const SWEEP_CHUNK = 256;

/** The storing peer (RFC 6940 §7): answers Store, Fetch, Stat and Find, keeps replicas, and hands records over. */
export class Storage {
  readonly #context: StorageContext;
  readonly #parts: StoreParts;
  #timer: Timer | undefined;
  #swept: RecordName | undefined;

  constructor(deps: StorageDeps, options: StorageOptions = {}) {
    const records = new RecordTable(deps.store);
    this.#context = { ...deps, records };
    const verification = new ValueVerification(deps);
    const replicator = new Replicator(this.#context, verification, options);
    this.#parts = {
      verification,
      replicator,
      copies: new HandoverCopies({ records, replicator, clock: deps.clock }),
      maxRecords: options.maxRecords ?? MAX_RECORDS,
      maxValuesPerSigner: options.maxValuesPerSigner ?? MAX_VALUES_PER_SIGNER,
    };
  }

  /** Takes requests from now on. */
  start(): void {
    const { exchange } = this.#context;
    exchange.handle(MessageCode.storeReq, (request) => handleStore(this.#context, this.#parts, request));
    exchange.handle(MessageCode.fetchReq, (request) => handleFetch(this.#context, request));
    exchange.handle(MessageCode.statReq, (request) => handleStat(this.#context, request));
    exchange.handle(MessageCode.findReq, (request) => handleFind(this.#context, request));
    // In a turn of its own: who knows the Kinds follows the configuration as well.
    this.#context.configuration.onChange(() => this.#context.clock.after(0, () => void this.#discard()));
    this.#scheduleSweep(SWEEP_INTERVAL_MS);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** See `Handover` of the topology. */
  copyTo(to: NodeId, belongs: (resource: ResourceId) => boolean): Promise<boolean> {
    return this.#parts.copies.copyTo(to, belongs);
  }

  /** See `Handover` of the topology. */
  held(belongs: (resource: ResourceId) => boolean): readonly ResourceId[] {
    const found = new Set<ResourceId>();
    for (let after: RecordName | undefined; ; ) {
      const names = this.#context.records.names({ limit: SWEEP_CHUNK, ...(after === undefined ? {} : { after }) });
      for (const { resource } of names) if (belongs(resource)) found.add(resource);
      after = names.at(-1);
      if (names.length < SWEEP_CHUNK) return [...found];
    }
  }

  /** See `Handover` of the topology. */
  async drop(belongs: (resource: ResourceId) => boolean): Promise<void> {
    const { records } = this.#context;
    for (let after: RecordName | undefined; ; ) {
      const names = records.names({ limit: SWEEP_CHUNK, ...(after === undefined ? {} : { after }) });
      await records.remove(names.filter(({ resource }) => belongs(resource)));
      after = names.at(-1);
      if (names.length < SWEEP_CHUNK) return;
    }
  }

  /** The first `limit` records that this node holds, replicas included. */
  recordNames(limit: number): readonly RecordName[] {
    return this.#context.records.names({ limit });
  }

  /** Records held now, replicas included. */
  get recordCount(): number {
    return this.#context.records.count;
  }

  async #discard(): Promise<void> {
    const { log } = this.#context;
    if (this.#timer === undefined) return;
    try {
      const records = await discardUnknownKinds(this.#context);
      if (records > 0) log.info('records of Kinds that are no more are discarded', { records });
    } catch (thrown) {
      log.warn('records of Kinds that are no more stay', { reason: messageOf(thrown) });
    }
  }

  /** Resource-IDs with a record, replicas included. */
  get resourceCount(): number {
    return this.#context.records.resourceCount;
  }

  #scheduleSweep(ms: number): void {
    this.#timer = this.#context.clock.after(ms, () => {
      this.#sweep().catch((thrown) => this.#context.log.warn('expired values stay', { reason: messageOf(thrown) }));
    });
  }

  /** Deletes what has expired, a bounded part of the table at a time. Readers never see it anyway. */
  async #sweep(): Promise<void> {
    const { records, clock } = this.#context;
    const after = this.#swept === undefined ? {} : { after: this.#swept };
    const names = records.names({ limit: SWEEP_CHUNK, ...after });
    const isEnd = names.length < SWEEP_CHUNK;
    this.#swept = isEnd ? undefined : names.at(-1);
    try {
      await records.sweep(names, clock.now());
    } finally {
      if (this.#timer !== undefined) this.#scheduleSweep(isEnd ? SWEEP_INTERVAL_MS : 0);
    }
  }
}
