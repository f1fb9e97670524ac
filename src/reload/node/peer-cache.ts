import type { Clock } from '#platform/clock.ts';
import type { KeyValueNamespace } from '#store/key-value-store.ts';

/** Where a node takes links from anybody with a certificate. The address may be a host name where a person gave it. */
export interface BootstrapAddress {
  readonly address: string;
  readonly port: number;
}

interface Remembered extends BootstrapAddress {
  /** When it was linked last, in milliseconds since 1970. */
  readonly seen: number;
}

const KEY = 'peers';
/** RFC 6940 §11.4. */
const MAX_PEERS = 10;
/** Who was not linked for so long has probably moved, in milliseconds. */
const MAX_AGE = 30 * 24 * 3_600_000;

/** Where directly linked peers listened, to find the overlay again when no bootstrap node is up (RFC 6940 §11.4). */
export class PeerCache {
  readonly #store: KeyValueNamespace;
  readonly #clock: Clock;

  constructor(deps: { readonly store: KeyValueNamespace; readonly clock: Clock }) {
    this.#store = deps.store;
    this.#clock = deps.clock;
  }

  /** Who was linked last comes first. */
  list(): readonly BootstrapAddress[] {
    return this.#read().map(({ address, port }) => ({ address, port }));
  }

  /** Puts these first; of the older ones as many stay as there is room for. */
  async remember(peers: readonly BootstrapAddress[]): Promise<void> {
    if (peers.length === 0) return;
    const seen = this.#clock.now();
    const fresh = peers.map(({ address, port }): Remembered => ({ address, port, seen }));
    const kept = new Map<string, Remembered>();
    for (const peer of [...fresh, ...this.#read()]) {
      const key = `${peer.address} ${peer.port}`;
      if (!kept.has(key) && kept.size < MAX_PEERS) kept.set(key, peer);
    }
    const bytes = Buffer.from(JSON.stringify([...kept.values()]));
    await this.#store.update((transaction) => transaction.put(KEY, bytes));
  }

  #read(): readonly Remembered[] {
    const bytes = this.#store.get(KEY);
    if (bytes === undefined) return [];
    try {
      const parsed: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
      const now = this.#clock.now();
      return Array.isArray(parsed)
        ? parsed.filter((peer) => isRemembered(peer) && now - peer.seen <= MAX_AGE).slice(0, MAX_PEERS)
        : [];
    } catch {
      return [];
    }
  }
}

function isRemembered(value: unknown): value is Remembered {
  if (typeof value !== 'object' || value === null) return false;
  const { address, port, seen } = value as Partial<Record<keyof Remembered, unknown>>;
  const isPort = typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65536;
  return typeof address === 'string' && isPort && typeof seen === 'number';
}
