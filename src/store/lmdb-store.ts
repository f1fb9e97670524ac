import { access, chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database, RootDatabase } from 'lmdb';
import { Failure, messageOf } from '#platform/failure.ts';
import type { KeyValueNamespace, KeyValueStore, Transaction } from '#store/key-value-store.ts';
import { checkVersion, MIGRATIONS, type Migration, migrate, SCHEMA_NAMESPACE } from '#store/schema.ts';
import { closedFailure, keyBytes, type StoreFault } from '#store/store-fault.ts';

export interface LmdbOptions {
  /** Largest size of the database in bytes; by default 4 GiB, and 1 GiB where addresses have 32 bits. */
  readonly mapSize?: number;
  /** Replaces the program's own list; for tests. */
  readonly migrations?: readonly Migration[];
}

const GIBIBYTE = 2 ** 30;
const NARROW = process.arch === 'arm' || process.arch === 'ia32';
const MAX_NAMESPACES = 32;

/**
 * Opens or makes the database in `directory`, which only its owner may enter. One environment per process; the native module is
 * loaded here and not before, so that nodes on memory never pay for it. Rejects with `Failure<StoreFault>`.
 */
export async function openLmdbStore(directory: string, options: LmdbOptions = {}): Promise<KeyValueStore> {
  const { open } = await import('lmdb');
  let root: RootDatabase<Buffer, Buffer>;
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await chmod(directory, 0o700);
    const wanted = options.mapSize ?? 4 * GIBIBYTE;
    root = open<Buffer, Buffer>({
      path: directory,
      maxDbs: MAX_NAMESPACES,
      // A 2 GiB map does not fit beside the program in a 32-bit address space.
      mapSize: NARROW ? Math.min(wanted, GIBIBYTE) : wanted,
      ...BINARY,
    });
  } catch (thrown) {
    throw new Failure<StoreFault>(
      { code: 'unusable', directory },
      `cannot open the database in ${directory}: ${messageOf(thrown)}; check that it may be written and holds no other files`,
      thrown,
    );
  }
  const store = new LmdbStore(root);
  try {
    await store.migrate(options.migrations ?? MIGRATIONS);
  } catch (thrown) {
    await root.close();
    throw thrown;
  }
  return store;
}

/** What a database holds, for looking only: another process may be writing to it. */
export interface StoreReader {
  namespace(name: string): Pick<KeyValueNamespace, 'get' | 'keys'>;
  close(): Promise<void>;
}

/** Opens a database to read it, without changing anything. Rejects with `Failure<StoreFault>` when there is none, or not of this program's version. */
export async function readLmdbStore(directory: string): Promise<StoreReader> {
  const { open } = await import('lmdb');
  try {
    await access(join(directory, 'data.mdb'));
  } catch (thrown) {
    throw new Failure<StoreFault>({ code: 'unusable', directory }, `there is no database in ${directory}`, thrown);
  }
  const root = open<Buffer, Buffer>({ path: directory, maxDbs: MAX_NAMESPACES, readOnly: true, ...BINARY });
  const namespace = (name: string): Pick<KeyValueNamespace, 'get' | 'keys'> => {
    // Contrary to its type it gives nothing for a namespace that was never written to.
    const database: Database<Buffer, Buffer> | undefined = root.openDB<Buffer, Buffer>(name, BINARY);
    return database === undefined ? NOTHING : new LmdbNamespace(database, () => false);
  };
  try {
    checkVersion(namespace(SCHEMA_NAMESPACE), MIGRATIONS);
  } catch (thrown) {
    await root.close();
    throw thrown;
  }
  return { namespace, close: () => root.close() };
}

const NOTHING: Pick<KeyValueNamespace, 'get' | 'keys'> = { get: () => undefined, keys: () => [] };

const BINARY = { encoding: 'binary', keyEncoding: 'binary' } as const;

class LmdbStore implements KeyValueStore {
  readonly #root: RootDatabase<Buffer, Buffer>;
  readonly #namespaces = new Map<string, LmdbNamespace>();
  #closed = false;

  constructor(root: RootDatabase<Buffer, Buffer>) {
    this.#root = root;
  }

  namespace(name: string): KeyValueNamespace {
    return this.#open(name);
  }

  async migrate(migrations: readonly Migration[]): Promise<void> {
    const schema = this.#open(SCHEMA_NAMESPACE);
    await schema.update(() => migrate((name) => this.#open(name).transaction(), migrations));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#root.committed;
    await this.#root.flushed;
    await this.#root.close();
  }

  #open(name: string): LmdbNamespace {
    if (this.#closed) throw closedFailure();
    let namespace = this.#namespaces.get(name);
    if (namespace === undefined) {
      namespace = new LmdbNamespace(this.#root.openDB<Buffer, Buffer>(name, BINARY), () => this.#closed);
      this.#namespaces.set(name, namespace);
    }
    return namespace;
  }
}

class LmdbNamespace implements KeyValueNamespace {
  readonly #database: Database<Buffer, Buffer>;
  readonly #isClosed: () => boolean;

  constructor(database: Database<Buffer, Buffer>, isClosed: () => boolean) {
    this.#database = database;
    this.#isClosed = isClosed;
  }

  get(key: string): Uint8Array | undefined {
    this.#assertOpen();
    const value = this.#database.get(keyBytes(key));
    return value === undefined ? undefined : new Uint8Array(value);
  }

  /** Collected at once: a cursor left open would pin old pages and must not meet later writes of its own transaction. */
  keys(prefix: string, options: { readonly after?: string; readonly limit?: number } = {}): readonly string[] {
    this.#assertOpen();
    const { after, limit = Number.POSITIVE_INFINITY } = options;
    const start = Buffer.from(prefix, 'utf8');
    const from = after === undefined ? start : Buffer.from(after, 'utf8');
    const skip = Buffer.compare(from, start) >= 0 && after !== undefined;
    const found: string[] = [];
    if (limit <= 0) return found;
    const range = this.#database.getKeys({ start: skip ? from : start, exclusiveStart: skip });
    for (const key of range) {
      if (Buffer.compare(key.subarray(0, start.length), start) !== 0) break;
      found.push(key.toString('utf8'));
      if (found.length >= limit) break;
    }
    return found;
  }

  async update<T>(change: (transaction: Transaction) => T): Promise<T> {
    this.#assertOpen();
    // A child transaction, since LMDB batches concurrent updates into one parent: only the failing one is undone.
    return await this.#database.childTransaction(() => change(this.transaction()));
  }

  /** To be used inside a running write transaction only. */
  transaction(): Transaction {
    return {
      get: (key) => this.get(key),
      keys: (prefix, options) => this.keys(prefix, options),
      put: (key, value) => this.#database.putSync(keyBytes(key), Buffer.from(value)),
      remove: (key) => {
        this.#database.removeSync(keyBytes(key));
      },
    };
  }

  #assertOpen(): void {
    if (this.#isClosed()) throw closedFailure();
  }
}
