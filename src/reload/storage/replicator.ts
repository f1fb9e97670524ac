import { Failure, messageOf } from '#platform/failure.ts';
import { printable } from '#platform/log.ts';
import type { ExchangeFault } from '#reload/messaging/exchange.ts';
import { applyStore } from '#reload/storage/apply-store.ts';
import type { StorageContext } from '#reload/storage/context.ts';
import type { KindDefinition } from '#reload/storage/kind.ts';
import { aged, type Entry, isLive } from '#reload/storage/record.ts';
import type { RecordName } from '#reload/storage/record-table.ts';
import { decodeFetched, fetchBody } from '#reload/storage/value-exchange.ts';
import type { ValueVerification } from '#reload/storage/value-verification.ts';
import { encode } from '#reload/wire/codec.ts';
import { ErrorCode, MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination } from '#reload/wire/destination.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';
import { type StoreKindData, storeReq } from '#reload/wire/store.ts';
import { encodeStoredData, storedData } from '#reload/wire/stored-data.ts';

/** Values that are to be at `resource` on other peers as well. */
export interface Change {
  readonly kind: KindDefinition;
  readonly resource: ResourceId;
  readonly generation: bigint;
  readonly entries: readonly Entry[];
}

export interface ReplicatorOptions {
  /** Milliseconds that the answer to a Store waits for its replicas at most. */
  readonly replicaWaitMs?: number;
}

/** Two successors hold copies (RFC 6940 §10.4). */
const REPLICAS = 2;
const REPLICA_WAIT_MS = 2000;
/** Room for forwarding header, path, signature and own certificate beside the values of one message. */
const MESSAGE_OVERHEAD = 2048;
const MIN_BATCH = 1024;

type Delivery = 'stored' | 'newer-there' | 'failed';

/** Keeps copies of records at other peers (RFC 6940 §7.4.1.1, §10.4). */
export class Replicator {
  readonly #context: StorageContext;
  readonly #verification: ValueVerification;
  readonly #waitMs: number;

  constructor(context: StorageContext, verification: ValueVerification, options: ReplicatorOptions = {}) {
    this.#context = context;
    this.#verification = verification;
    this.#waitMs = options.replicaWaitMs ?? REPLICA_WAIT_MS;
  }

  /**
   * Sends what an original Store changed to the replica peers. Resolves with those that have it, or may still get it, once all
   * acknowledged and `besides` is done, or the wait is over: an acknowledged Store then survives the loss of this peer, while a silent
   * replica delays nobody for long.
   */
  async replicate(changes: readonly Change[], besides: Promise<unknown>): Promise<readonly NodeId[]> {
    const stored = changes.filter(({ entries }) => entries.length > 0);
    const targets = this.#context.responsibility.replicas().slice(0, REPLICAS);
    if (stored.length === 0) return targets;
    const failed = new Set<NodeId>();
    const deliveries = targets.map(async (to, index) => {
      const delivery = await this.#send(to, index + 1, stored);
      if (delivery === 'failed') failed.add(to);
      if (delivery === 'newer-there') for (const change of stored) void this.#copyAfterMerge(to, change);
    });
    await this.#withinWait(Promise.all([...deliveries, besides]));
    return targets.filter((to) => !failed.has(to));
  }

  /**
   * Stores a copy of a whole record at `to`, in as many messages as it takes (RFC 6940 §10.7.3). Never rejects; resolves with whether
   * the record is there now.
   */
  async copy(to: NodeId, name: RecordName): Promise<boolean> {
    const change = this.#wholeRecord(name);
    if (change === undefined) return true;
    const delivery = await this.#sendInBatches(to, change);
    if (delivery === 'newer-there') await this.#copyAfterMerge(to, change);
    return delivery !== 'failed';
  }

  /** The other peer has values later than ours: they replace ours, and it gets those of ours that are later (RFC 6940 §7.4.1.1). */
  async #copyAfterMerge(to: NodeId, { kind, resource }: Change): Promise<void> {
    try {
      await this.#mergeFrom(to, kind, resource);
    } catch (thrown) {
      this.#log('newer values could not be fetched', to, thrown);
      return;
    }
    const merged = this.#wholeRecord({ kind: kind.id, resource });
    if (merged !== undefined) await this.#sendInBatches(to, merged);
  }

  async #mergeFrom(from: NodeId, kind: KindDefinition, resource: ResourceId): Promise<void> {
    const { exchange, records, clock } = this.#context;
    const answer = await exchange.request({
      destination: [nodeDestination(from)],
      code: MessageCode.fetchReq,
      body: fetchBody(kind, { resource }),
    });
    const { generation, values } = decodeFetched(kind, answer.body);
    const source = { kind, resource, certificates: answer.certificates };
    const valid = values.filter((data) => {
      try {
        this.#verification.check(source, data);
        return true;
      } catch {
        return false;
      }
    });
    const offer = await this.#verification.admit({ ...source, values: valid });
    await records.update((t) => {
      const name = { kind: kind.id, resource };
      const record = t.read(name, kind.dataModel) ?? { generation: 1n, entries: [] };
      const options = { mode: 'merge', now: clock.now() } as const;
      const { entries } = applyStore(kind, record.entries, offer.entries, options);
      const counter = generation > record.generation ? generation : record.generation;
      t.write(name, kind.dataModel, { generation: counter, entries }, offer.certificates);
    });
  }

  #wholeRecord(name: RecordName): Change | undefined {
    const { kinds, records, clock } = this.#context;
    const kind = kinds.get(name.kind);
    const record = kind && records.read(name, kind.dataModel);
    if (kind === undefined || record === undefined) return undefined;
    const now = clock.now();
    const entries = record.entries.filter((entry) => isLive(entry, now));
    return entries.length === 0 ? undefined : { kind, resource: name.resource, generation: record.generation, entries };
  }

  async #sendInBatches(to: NodeId, change: Change): Promise<Delivery> {
    for (const entries of this.#batches(change)) {
      const delivery = await this.#send(to, 1, [{ ...change, entries }]);
      if (delivery !== 'stored') return delivery;
    }
    return 'stored';
  }

  /** Splits the entries of a record so that each part fits one message together with its certificates. */
  #batches({ kind, entries }: Change): readonly (readonly Entry[])[] {
    const limit = Math.max(MIN_BATCH, this.#context.configuration.current.maxMessageSize - MESSAGE_OVERHEAD);
    const batches: Entry[][] = [];
    let left = 0;
    let seen = new Set<string>();
    const sizeOf = (entry: Entry) =>
      encode(storedData[kind.dataModel], entry.data).length +
      entry.certificates
        .filter((fingerprint) => !seen.has(fingerprint))
        .reduce((sum, fingerprint) => sum + (this.#context.records.certificate(fingerprint)?.length ?? 0), 0);
    for (const entry of entries) {
      let size = sizeOf(entry);
      if (size > left) {
        batches.push([]);
        left = limit;
        seen = new Set();
        size = sizeOf(entry);
      }
      left -= size;
      for (const fingerprint of entry.certificates) seen.add(fingerprint);
      batches.at(-1)?.push(entry);
    }
    return batches;
  }

  async #send(to: NodeId, replicaNumber: number, changes: readonly Change[]): Promise<Delivery> {
    const { exchange, records, clock } = this.#context;
    const now = clock.now();
    const resource = changes[0]?.resource;
    if (resource === undefined) return 'stored';
    const kindData = changes.map(({ kind, generation, entries }): StoreKindData => {
      const values = entries.map((entry) => aged(entry, now)).filter((data) => data.lifetime > 0);
      return { kind: kind.id, generationCounter: generation, values: encodeStoredData(kind.dataModel, values) };
    });
    const fingerprints = new Set(changes.flatMap(({ entries }) => entries.flatMap((entry) => entry.certificates)));
    const certificates = [...fingerprints].flatMap((fingerprint) => records.certificate(fingerprint) ?? []);
    try {
      const body = encode(storeReq, { resource, replicaNumber, kindData });
      await exchange.request({ destination: [nodeDestination(to)], code: MessageCode.storeReq, body, certificates });
      return 'stored';
    } catch (thrown) {
      if (isNewerThere(thrown)) return 'newer-there';
      this.#log('a copy was not stored', to, thrown);
      return 'failed';
    }
  }

  async #withinWait(work: Promise<unknown>): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.#context.clock.after(this.#waitMs, resolve);
      void work.finally(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  #log(message: string, to: NodeId, thrown: unknown): void {
    this.#context.log.info(message, { to, reason: printable(messageOf(thrown)) });
  }
}

function isNewerThere(thrown: unknown): boolean {
  if (!(thrown instanceof Failure)) return false;
  const fault: ExchangeFault = thrown.fault;
  if (fault.code !== 'remote') return false;
  return fault.errorCode === ErrorCode.dataTooOld || fault.errorCode === ErrorCode.generationCounterTooLow;
}
