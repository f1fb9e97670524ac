import { concat } from '#platform/bytes.ts';
import {
  decodeAnyRecord,
  decodeRecord,
  type Entry,
  encodeRecord,
  isLive,
  type StoredRecord,
} from '#reload/storage/record.ts';
import type { ResourceId } from '#reload/wire/ids.ts';
import type { DataModel } from '#reload/wire/stored-data.ts';
import type { KeyValueNamespace, Transaction } from '#store/key-value-store.ts';

/** Names the record of one Kind at one Resource-ID. */
export interface RecordName {
  readonly kind: number;
  readonly resource: ResourceId;
}

/** A certificate by its fingerprint (lower-case hex SHA-256). */
type CertificateSource = ReadonlyMap<string, Uint8Array>;

export interface RecordTransaction {
  read(name: RecordName, model: DataModel): StoredRecord | undefined;
  /** `certificates` has at least those that no stored value refers to yet. A record without entries is deleted. */
  write(name: RecordName, model: DataModel, record: StoredRecord, certificates: CertificateSource): void;
  /** How many stored values need this certificate. */
  references(fingerprint: string): number;
  /** Drops the values that `keep` rejects. */
  retain(name: RecordName, keep: (entry: Entry) => boolean): void;
}

const RECORD = 'r/';
const CERTIFICATE = 'c/';

/**
 * Stored records and the certificates of their signers, each certificate once with the number of values that refer to it:
 * `r/<kind>/<resource>` and `c/<fingerprint>`. Keys begin with the Kind, so that Find can walk the resources of one.
 */
export class RecordTable {
  readonly #store: KeyValueNamespace;
  #count: number | undefined;
  /** Kinds at each Resource-ID; made when somebody asks. */
  #kindsAt: Map<ResourceId, number> | undefined;

  constructor(store: KeyValueNamespace) {
    this.#store = store;
  }

  /** How many records there are. */
  get count(): number {
    this.#count ??= [...this.#store.keys(RECORD)].length;
    return this.#count;
  }

  /** How many Resource-IDs there is something at, of whatever Kinds. */
  get resourceCount(): number {
    if (this.#kindsAt === undefined) {
      this.#kindsAt = new Map();
      for (const key of this.#store.keys(RECORD)) step(this.#kindsAt, { resource: nameOf(key).resource, step: 1 });
    }
    return this.#kindsAt.size;
  }

  read(name: RecordName, model: DataModel): StoredRecord | undefined {
    const bytes = this.#store.get(keyOf(name));
    return bytes === undefined ? undefined : decodeRecord(model, bytes);
  }

  certificate(fingerprint: string): Uint8Array | undefined {
    return this.#store.get(CERTIFICATE + fingerprint)?.subarray(4);
  }

  /** Names of records in the order of their keys, `limit` at most, after `after`. */
  names(options: { readonly after?: RecordName; readonly limit: number }): readonly RecordName[] {
    const { after, limit } = options;
    const range = after === undefined ? { limit } : { limit, after: keyOf(after) };
    return [...this.#store.keys(RECORD, range)].map(nameOf);
  }

  /** Resource-IDs of a Kind in ascending order, beginning with the first at or after `from`. */
  *resources(kind: number, from: ResourceId): Iterable<ResourceId> {
    const first = keyOf({ kind, resource: from });
    if (this.#store.get(first) !== undefined) yield from;
    for (let after = first; ; ) {
      const keys = [...this.#store.keys(`${RECORD}${kindKey(kind)}/`, { after, limit: CHUNK })];
      for (const key of keys) yield nameOf(key).resource;
      const last = keys.at(-1);
      if (last === undefined || keys.length < CHUNK) return;
      after = last;
    }
  }

  /** Runs `change` atomically; what it throws undoes everything. Resolves after the commit. */
  async update<T>(change: (transaction: RecordTransaction) => T): Promise<T> {
    const { result, steps } = await this.#store.update((store) => {
      const transaction = new Changes(store);
      const outcome = change(transaction);
      return { result: outcome, steps: transaction.settle() };
    });
    for (const change of steps) this.#note(change);
    return result;
  }

  /** Deletes values whose lifetime is over, in the records named. */
  async sweep(names: readonly RecordName[], now: number): Promise<void> {
    const stale = names.filter((name) => {
      const bytes = this.#store.get(keyOf(name));
      return bytes !== undefined && decodeAnyRecord(bytes).record.entries.some((entry) => !isLive(entry, now));
    });
    if (stale.length === 0) return;
    await this.update((transaction) => {
      for (const name of stale) transaction.retain(name, (entry) => isLive(entry, now));
    });
  }

  async remove(names: readonly RecordName[]): Promise<void> {
    if (names.length === 0) return;
    await this.update((transaction) => {
      for (const name of names) transaction.retain(name, () => false);
    });
  }

  #note(change: Step): void {
    if (this.#count !== undefined) this.#count += change.step;
    if (this.#kindsAt !== undefined) step(this.#kindsAt, change);
  }
}

function step(kindsAt: Map<ResourceId, number>, change: Step): void {
  const kinds = (kindsAt.get(change.resource) ?? 0) + change.step;
  if (kinds > 0) kindsAt.set(change.resource, kinds);
  else kindsAt.delete(change.resource);
}

/** A record came or went. */
interface Step {
  readonly resource: ResourceId;
  readonly step: 1 | -1;
}

const CHUNK = 64;

/**
 * The changes of one transaction. References to certificates are added up and settled at the end, so that an owner who replaces
 * a value writes no certificate.
 */
class Changes implements RecordTransaction {
  readonly #store: Transaction;
  readonly #references = new Map<string, number>();
  readonly #sources: CertificateSource[] = [];
  readonly #steps: Step[] = [];

  constructor(store: Transaction) {
    this.#store = store;
  }

  read(name: RecordName, model: DataModel): StoredRecord | undefined {
    const bytes = this.#store.get(keyOf(name));
    return bytes === undefined ? undefined : decodeRecord(model, bytes);
  }

  write(name: RecordName, model: DataModel, record: StoredRecord, certificates: CertificateSource): void {
    const key = keyOf(name);
    const previous = this.#store.get(key);
    if (previous !== undefined) this.#refer(decodeAnyRecord(previous).record, -1);
    this.#refer(record, 1);
    this.#sources.push(certificates);
    const { resource } = name;
    if (record.entries.length > 0) {
      if (previous === undefined) this.#steps.push({ resource, step: 1 });
      this.#store.put(key, encodeRecord(model, record));
    } else if (previous !== undefined) {
      this.#steps.push({ resource, step: -1 });
      this.#store.remove(key);
    }
  }

  references(fingerprint: string): number {
    const stored = this.#store.get(CERTIFICATE + fingerprint);
    return countIn(stored) + (this.#references.get(fingerprint) ?? 0);
  }

  retain(name: RecordName, keep: (entry: Entry) => boolean): void {
    const bytes = this.#store.get(keyOf(name));
    if (bytes === undefined) return;
    const { model, record } = decodeAnyRecord(bytes);
    this.write(name, model, { ...record, entries: record.entries.filter(keep) }, new Map());
  }

  /** Returns which records came and went. */
  settle(): readonly Step[] {
    for (const [fingerprint, change] of this.#references) {
      if (change === 0) continue;
      const key = CERTIFICATE + fingerprint;
      const stored = this.#store.get(key);
      const count = countIn(stored) + change;
      const der = stored?.subarray(4) ?? this.#sources.map((source) => source.get(fingerprint)).find((d) => d);
      if (count <= 0) this.#store.remove(key);
      else if (der !== undefined) this.#store.put(key, withCount(count, der));
    }
    return this.#steps;
  }

  #refer(record: StoredRecord, step: 1 | -1): void {
    for (const fingerprint of record.entries.flatMap((entry) => entry.certificates)) {
      this.#references.set(fingerprint, (this.#references.get(fingerprint) ?? 0) + step);
    }
  }
}

function countIn(stored: Uint8Array | undefined): number {
  return stored === undefined ? 0 : new DataView(stored.buffer, stored.byteOffset).getUint32(0);
}

function withCount(count: number, der: Uint8Array): Uint8Array {
  const head = new Uint8Array(4);
  new DataView(head.buffer).setUint32(0, count);
  return concat(head, der);
}

function kindKey(kind: number): string {
  return kind.toString(16).padStart(8, '0');
}

function keyOf({ kind, resource }: RecordName): string {
  return `${RECORD}${kindKey(kind)}/${resource}`;
}

function nameOf(key: string): RecordName {
  const start = RECORD.length;
  return { kind: Number.parseInt(key.slice(start, start + 8), 16), resource: key.slice(start + 9) as ResourceId };
}
