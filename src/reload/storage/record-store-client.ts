import { type Clock, delay } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import { type Logger, printable } from '#platform/log.ts';
import type { Answer, Exchange, ExchangeFault, Request } from '#reload/messaging/exchange.ts';
import { BoundedCache } from '#reload/security/bounded-cache.ts';
import type { Signer, Verifier } from '#reload/security/identity.ts';
import { valueSignatureInput } from '#reload/security/value-signature-input.ts';
import { type Kinds, writerOf } from '#reload/storage/context.ts';
import type { KindDefinition } from '#reload/storage/kind.ts';
import { placeOf } from '#reload/storage/record.ts';
import type {
  FetchedValue,
  FetchOutcome,
  FetchRequest,
  Place,
  RecordClient,
  RecordFault,
  StoreOutcome,
  StoreRequest,
} from '#reload/storage/record-client.ts';
import type { StorageTimes } from '#reload/storage/storage-times.ts';
import { decodeFetched, fetchBody } from '#reload/storage/value-exchange.ts';
import { ValueVerification } from '#reload/storage/value-verification.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { ErrorCode, MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination, resourceDestination } from '#reload/wire/destination.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { storeAns, storeReq } from '#reload/wire/store.ts';
import { APPEND_INDEX, encodeStoredData, type StoredData, type StoredDataValue } from '#reload/wire/stored-data.ts';

export interface RecordStoreClientDeps {
  readonly exchange: Exchange;
  readonly signer: Signer;
  readonly verifier: Verifier;
  readonly kinds: Kinds;
  readonly storageTimes: StorageTimes;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Attempt {
  /** Storage times have to be later than this one. */
  readonly after: bigint;
  /** Least lifetimes of removals, in seconds by place. */
  readonly remaining: ReadonlyMap<string, number>;
}

/** Milliseconds before a request that met a moving ring is repeated, once. */
const RETRY_MS = 500;
const REMEMBERED_VALUES = 1024;

/** Errors of a ring in motion: responsibility has just moved, or the two ends know different documents. */
const TRANSIENT: ReadonlySet<number> = new Set([
  ErrorCode.forbidden,
  ErrorCode.requestTimeout,
  ErrorCode.ttlExceeded,
  ErrorCode.configTooOld,
  ErrorCode.configTooNew,
  // Meanwhile it is told of the Kind (RFC 6940 §7.4.1.2).
  ErrorCode.unknownKind,
]);

/** Reads and writes records of the overlay as one identity (RFC 6940 §7.4). */
export class RecordStoreClient implements RecordClient {
  readonly #deps: RecordStoreClientDeps;
  readonly #verification: ValueVerification;
  /** The latest storage time seen of each value, to notice peers that serve old ones (RFC 6940 §13.5.3). */
  readonly #latest = new BoundedCache<bigint>(REMEMBERED_VALUES);
  readonly counters = { discardedValues: 0, rollbacks: 0 };

  constructor(deps: RecordStoreClientDeps) {
    this.#deps = deps;
    this.#verification = new ValueVerification(deps);
  }

  get nodeId(): NodeId {
    return this.#deps.signer.nodeId;
  }

  get userName(): string {
    return this.#deps.signer.certificate.userName;
  }

  async store(request: StoreRequest): Promise<StoreOutcome> {
    const kind = this.#kind(request.kind);
    this.#checkBeforeSending(kind, request);
    const remaining = await this.#remainingLifetimes(kind, request);
    try {
      return await this.#store(kind, request, { after: 0n, remaining });
    } catch (thrown) {
      const error = remoteError(thrown);
      if (error === ErrorCode.generationCounterTooLow) throw await this.#overtaken(request, thrown);
      if (error !== ErrorCode.dataTooOld) throw thrown;
      // Our clock is behind the one that the present values were written by: write just after them (RFC 6940 §7).
      const after = await this.#latestStorageTime(kind, request);
      return await this.#store(kind, request, { after, remaining });
    }
  }

  async fetch(request: FetchRequest): Promise<FetchOutcome> {
    const kind = this.#kind(request.kind);
    const { generation, valid, discarded } = await this.#fetch(kind, request);
    for (const { data } of valid) this.#noticeRollback(kind, request, data);
    const values = valid.flatMap(({ data, signatory }): FetchedValue[] => {
      const { storageTime, lifetime: lifetimeSeconds, value } = data;
      if (!value.exists || lifetimeSeconds === 0) return [];
      return [{ place: placeIn(value), value: value.value, storageTime, lifetimeSeconds, signatory }];
    });
    return { generation, values, partial: discarded > 0 };
  }

  async #store(kind: KindDefinition, request: StoreRequest, { after, remaining }: Attempt): Promise<StoreOutcome> {
    const { resource, lifetimeSeconds, signal } = request;
    const { signer } = this.#deps;
    const values: StoredData[] = [];
    /** The signer's certificates at the time of signing: a renewal may come before the message leaves. */
    const certificates: Uint8Array[] = [];
    for (const { place, value: bytes } of request.values) {
      const value = valueAt(place, bytes);
      const storageTime = await this.#deps.storageTimes.next(after);
      const input = valueSignatureInput({ resource, kind: kind.id, storageTime, value });
      const lifetime = Math.max(lifetimeSeconds, remaining.get(placeOf(value)) ?? 0);
      values.push({ storageTime, lifetime, value, signature: signer.sign(input) });
      certificates.push(...[signer.certificate.der, ...signer.chain].filter((der) => !certificates.includes(der)));
    }
    const body = encode(storeReq, {
      resource,
      replicaNumber: 0,
      kindData: [
        {
          kind: kind.id,
          generationCounter: request.generation ?? 0n,
          values: encodeStoredData(kind.dataModel, values),
        },
      ],
    });
    const destination = [resourceDestination(resource)];
    const asked = { destination, code: MessageCode.storeReq, body, certificates, ...withSignal(signal) };
    const answer = await this.#request(asked);
    const { kindResponses } = decode(storeAns, answer.body);
    const response = kindResponses.find((candidate) => candidate.kind === kind.id);
    return { generation: response?.generationCounter ?? 0n, replicas: response?.replicas ?? [] };
  }

  async #fetch(kind: KindDefinition, request: FetchRequest) {
    const { resource, at, signal } = request;
    const answer = await this.#request({
      destination: [at === undefined ? resourceDestination(resource) : nodeDestination(at)],
      code: MessageCode.fetchReq,
      body: fetchBody(kind, request),
      ...withSignal(signal),
    });
    const { generation, values } = decodeFetched(kind, answer.body);
    const offer = { kind, resource, certificates: answer.certificates };
    const valid = values.flatMap((data) => {
      try {
        return [{ data, signatory: this.#verification.check(offer, data) }];
      } catch (thrown) {
        this.counters.discardedValues += 1;
        const reason = printable(messageOf(thrown));
        this.#deps.log.warn('a fetched value is discarded', { kind: kind.name, resource, reason });
        return [];
      }
    });
    return { generation, valid, discarded: values.length - valid.length };
  }

  /**
   * How long what is to be removed would still live, in seconds by place: a removal that ends before would let a replica bring
   * the value back (RFC 6940 §7.4.1.3). Empty when it can't be found out, for the removal matters more.
   */
  async #remainingLifetimes(kind: KindDefinition, request: StoreRequest): Promise<ReadonlyMap<string, number>> {
    const { resource, values, signal } = request;
    const removed = values.filter(({ value }) => value === undefined);
    if (removed.length === 0) return new Map();
    const keys = removed.flatMap(({ place }) => (place.model === 'dictionary' ? [place.key] : []));
    try {
      const { valid } = await this.#fetch(kind, { resource, kind: kind.id, keys, ...withSignal(signal) });
      return new Map(
        valid.filter(({ data }) => data.value.exists).map(({ data }) => [placeOf(data.value), data.lifetime]),
      );
    } catch (thrown) {
      signal?.throwIfAborted();
      this.#deps.log.debug('the lifetime of what is removed is unknown', { reason: printable(messageOf(thrown)) });
      return new Map();
    }
  }

  /** RFC 6940 §7.4.1.2: whoever stored knows the present values before it hears of the failure. */
  async #overtaken({ resource, kind, signal }: StoreRequest, thrown: unknown): Promise<unknown> {
    const present = await this.fetch({ resource, kind, ...withSignal(signal) }).catch(() => undefined);
    if (present === undefined) return thrown;
    return new Failure<RecordFault>(
      { code: 'overtaken', present },
      `others stored meanwhile: the generation counter is ${present.generation} now; look at the values and store again`,
      thrown,
    );
  }

  async #latestStorageTime(kind: KindDefinition, { resource, signal }: StoreRequest): Promise<bigint> {
    const { valid } = await this.#fetch(kind, { resource, kind: kind.id, ...withSignal(signal) });
    const times = valid.map(({ data }) => data.storageTime);
    return times.sort((a, b) => (a < b ? -1 : 1)).at(-1) ?? 0n;
  }

  /** Repeats a request once that a ring in motion refused. Lost messages are repeated further down already. */
  async #request(request: Request): Promise<Answer> {
    try {
      return await this.#deps.exchange.request(request);
    } catch (thrown) {
      if (!isTransient(thrown)) throw thrown;
      await delay(this.#deps.clock, RETRY_MS, request.signal);
      return await this.#deps.exchange.request(request);
    }
  }

  #kind(id: number): KindDefinition {
    const kind = this.#deps.kinds.get(id);
    if (kind !== undefined) return kind;
    throw new Failure<RecordFault>(
      { code: 'unknown-kind', kind: id },
      `the overlay's configuration has no Kind ${id}: its operator has to add it`,
    );
  }

  #checkBeforeSending(kind: KindDefinition, { resource, values }: StoreRequest): void {
    const signer = writerOf(this.#deps.signer);
    for (const { place, value } of values) {
      const reason = kind.permits({ resource, value: valueAt(place, value), signer });
      if (reason !== undefined) {
        throw new Failure<RecordFault>({ code: 'not-allowed', reason }, `kind ${kind.name} can't be stored: ${reason}`);
      }
      const length = value?.length ?? 0;
      if (length <= kind.maxSize) continue;
      throw new Failure<RecordFault>(
        { code: 'too-large', length, limit: kind.maxSize },
        `a value of kind ${kind.name} has ${length} bytes, the overlay allows ${kind.maxSize}`,
      );
    }
  }

  #noticeRollback(kind: KindDefinition, { resource }: FetchRequest, data: StoredData): void {
    // Positions in arrays are not signed, and so mean nothing here.
    if (data.value.model === 'array') return;
    const key = `${kind.id}/${resource}/${placeOf(data.value)}`;
    const latest = this.#latest.get(key);
    if (latest !== undefined && data.storageTime < latest) {
      this.counters.rollbacks += 1;
      this.#deps.log.warn('a peer serves an older value than before', { kind: kind.name, resource });
    } else {
      this.#latest.set(key, data.storageTime);
    }
  }
}

function valueAt(place: Place, bytes: Uint8Array | undefined): StoredDataValue {
  const data = { exists: bytes !== undefined, value: bytes ?? new Uint8Array() };
  if (place.model !== 'array') return { ...place, ...data };
  return { model: 'array', index: place.index === 'append' ? APPEND_INDEX : place.index, ...data };
}

function placeIn(value: StoredDataValue): Place {
  if (value.model === 'single') return { model: 'single' };
  if (value.model === 'array') return { model: 'array', index: value.index };
  return { model: 'dictionary', key: value.key };
}

function withSignal(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

function remoteError(thrown: unknown): number | undefined {
  if (!(thrown instanceof Failure)) return undefined;
  const fault: ExchangeFault = thrown.fault;
  return fault.code === 'remote' ? fault.errorCode : undefined;
}

function isTransient(thrown: unknown): boolean {
  if (!(thrown instanceof Failure)) return false;
  const fault: ExchangeFault = thrown.fault;
  return fault.code === 'unreachable' || (fault.code === 'remote' && TRANSIENT.has(fault.errorCode));
}
