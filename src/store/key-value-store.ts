/** What a transaction may do. Keys sort by their UTF-8 bytes; values are byte strings. */
export interface Transaction {
  get(key: string): Uint8Array | undefined;
  put(key: string, value: Uint8Array): void;
  remove(key: string): void;
  /** Keys that start with `prefix`, in order, from `after` (exclusive) on. */
  keys(prefix: string, options?: { readonly after?: string; readonly limit?: number }): Iterable<string>;
}

/**
 * A durable map from text to bytes; LMDB on disk and memory stand behind it. One namespace per purpose, so that
 * records, users, call records and settings share one environment without sharing keys.
 */
export interface KeyValueStore {
  namespace(name: string): KeyValueNamespace;
  /** Waits for pending writes and closes. Further calls fail. */
  close(): Promise<void>;
}

export interface KeyValueNamespace {
  get(key: string): Uint8Array | undefined;
  keys(prefix: string, options?: { readonly after?: string; readonly limit?: number }): Iterable<string>;
  /**
   * Runs a synchronous function inside one write transaction and resolves with its result once the commit survives kill -9.
   * When the function throws, nothing is written and the promise rejects with what it threw.
   */
  update<T>(change: (transaction: Transaction) => T): Promise<T>;
}
