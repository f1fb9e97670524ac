import { compareKeys, lowerBound } from '#store/key-order.ts';
import type { KeyValueNamespace, KeyValueStore, Transaction } from '#store/key-value-store.ts';
import { closedFailure, keyBytes } from '#store/store-fault.ts';

/** A store that lives as long as the process: for simulations, tests and nodes that keep nothing. */
export function memoryStore(): KeyValueStore {
  const namespaces = new Map<string, MemoryNamespace>();
  let closed = false;
  const assertOpen = () => {
    if (closed) throw closedFailure();
  };
  return {
    namespace(name) {
      let namespace = namespaces.get(name);
      if (namespace === undefined) {
        namespace = new MemoryNamespace(assertOpen);
        namespaces.set(name, namespace);
      }
      return namespace;
    },
    async close() {
      closed = true;
    },
  };
}

class MemoryNamespace implements KeyValueNamespace {
  readonly #assertOpen: () => void;
  readonly #values = new Map<string, Uint8Array>();
  /** The keys of `#values` in order. */
  readonly #sorted: string[] = [];

  constructor(assertOpen: () => void) {
    this.#assertOpen = assertOpen;
  }

  get(key: string): Uint8Array | undefined {
    this.#assertOpen();
    return this.#values.get(key)?.slice();
  }

  keys(prefix: string, options: { readonly after?: string; readonly limit?: number } = {}): readonly string[] {
    this.#assertOpen();
    const { after, limit = Number.POSITIVE_INFINITY } = options;
    let index = lowerBound(this.#sorted, prefix);
    if (after !== undefined && compareKeys(after, prefix) >= 0) {
      index = lowerBound(this.#sorted, after);
      if (this.#sorted[index] === after) index += 1;
    }
    const found: string[] = [];
    for (; index < this.#sorted.length && found.length < limit; index += 1) {
      const key = this.#sorted[index];
      if (key === undefined || !key.startsWith(prefix)) break;
      found.push(key);
    }
    return found;
  }

  async update<T>(change: (transaction: Transaction) => T): Promise<T> {
    this.#assertOpen();
    const before = new Map<string, Uint8Array | undefined>();
    const write = (key: string, value: Uint8Array | undefined) => {
      keyBytes(key);
      if (!before.has(key)) before.set(key, this.#values.get(key));
      this.#set(key, value);
    };
    try {
      return change({
        get: (key) => this.get(key),
        keys: (prefix, options) => this.keys(prefix, options),
        put: (key, value) => write(key, value.slice()),
        remove: (key) => write(key, undefined),
      });
    } catch (thrown) {
      for (const [key, value] of before) this.#set(key, value);
      throw thrown;
    }
  }

  #set(key: string, value: Uint8Array | undefined): void {
    const index = lowerBound(this.#sorted, key);
    const present = this.#sorted[index] === key;
    if (value === undefined) {
      this.#values.delete(key);
      if (present) this.#sorted.splice(index, 1);
      return;
    }
    this.#values.set(key, value);
    if (!present) this.#sorted.splice(index, 0, key);
  }
}
