import type { KeyValueNamespace } from '#store/key-value-store.ts';

/** Where a node takes links from anybody with a certificate; the address is an IP address. */
export interface BootstrapAddress {
  readonly address: string;
  readonly port: number;
}

const KEY = 'peers';
/** RFC 6940 §11.4. */
const MAX_PEERS = 10;

/** Where directly linked peers listened, to find the overlay again when no bootstrap node is up (RFC 6940 §11.4). */
export class PeerCache {
  readonly #store: KeyValueNamespace;

  constructor(store: KeyValueNamespace) {
    this.#store = store;
  }

  list(): readonly BootstrapAddress[] {
    const bytes = this.#store.get(KEY);
    if (bytes === undefined) return [];
    try {
      const parsed: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
      return Array.isArray(parsed) ? parsed.filter(isAddress).slice(0, MAX_PEERS) : [];
    } catch {
      return [];
    }
  }

  /** Puts these first; of the older ones as many stay as there is room for. */
  async remember(peers: readonly BootstrapAddress[]): Promise<void> {
    const before = this.list();
    const all = new Map([...peers, ...before].map((peer) => [`${peer.address} ${peer.port}`, peer]));
    const kept = [...all.values()].slice(0, MAX_PEERS).map(({ address, port }) => ({ address, port }));
    if (JSON.stringify(kept) === JSON.stringify(before)) return;
    await this.#store.update((transaction) => transaction.put(KEY, Buffer.from(JSON.stringify(kept))));
  }
}

function isAddress(value: unknown): value is BootstrapAddress {
  if (typeof value !== 'object' || value === null) return false;
  const { address, port } = value as Partial<Record<keyof BootstrapAddress, unknown>>;
  return typeof address === 'string' && typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65536;
}
