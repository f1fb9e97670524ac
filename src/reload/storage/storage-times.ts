import type { Clock } from '#platform/clock.ts';
import type { KeyValueNamespace } from '#store/key-value-store.ts';

interface Deps {
  readonly clock: Clock;
  /** Keeps one key. */
  readonly store: KeyValueNamespace;
}

const KEY = 'storage-time';
/** Times are set aside a second's worth at a time, so that a busy node writes once a second and not at every Store. */
const RESERVE_MS = 1000n;

/**
 * Storage times of this process: the clock's, and always later than any given out before, restarts and clocks set back included.
 * Storing peers refuse everything else (RFC 6940 §13.5.3), and a Raspberry Pi has no clock of its own until the network gives it one.
 */
export class StorageTimes {
  readonly #clock: Clock;
  readonly #store: KeyValueNamespace;
  #last: bigint | undefined;
  /** Times up to here are safe to give out once `#written` has resolved. */
  #reserved = 0n;
  #written: Promise<void> = Promise.resolve();

  constructor(deps: Deps) {
    this.#clock = deps.clock;
    this.#store = deps.store;
  }

  /** Milliseconds since 1970, later than `after` too. */
  async next(after = 0n): Promise<bigint> {
    this.#last ??= this.#load();
    const now = BigInt(Math.floor(this.#clock.now()));
    const time = [now, this.#last + 1n, after + 1n].reduce((a, b) => (a > b ? a : b));
    this.#last = time;
    if (time > this.#reserved) {
      this.#reserved = time + RESERVE_MS;
      this.#written = this.#save(this.#reserved);
    }
    await this.#written;
    return time;
  }

  #load(): bigint {
    const bytes = this.#store.get(KEY);
    this.#reserved = bytes === undefined ? 0n : BigInt(Buffer.from(bytes).toString('utf8'));
    return this.#reserved;
  }

  async #save(reserved: bigint): Promise<void> {
    await this.#store.update((transaction) => transaction.put(KEY, Buffer.from(String(reserved))));
  }
}
