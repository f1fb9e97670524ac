import type { BootstrapAddress } from '#reload/node/peer-cache.ts';
import type { IpAddressPort } from '#reload/wire/address.ts';

/** Where a node takes links from newcomers: what it was told to bind, and under which addresses that is reached. */
export interface ListeningAt {
  readonly host: string;
  readonly addresses: readonly IpAddressPort[];
}

/** How a node learned of the peer that let it in; `founded` when there was none and it began the ring itself. */
export type WayIn = 'cached' | 'listed' | 'multicast' | 'dns-sd' | 'founded';

/** Looks for peers of the overlay near by. What it finds is an address and no more: the handshake shows who is there. */
export interface Finder {
  readonly way: 'multicast' | 'dns-sd';
  /** Yields addresses as they are found, each once, and ends by itself after a few seconds. Rejects only with the signal's reason. */
  find(signal: AbortSignal): AsyncIterable<BootstrapAddress>;
}

/** The ways in that need no list: what a node does on its own network to find others and to be found. */
export interface LocalWays {
  /** In the order in which they are tried. */
  readonly finders: readonly Finder[];
  /** Lets others find this node for as long as `isInside()`. Never rejects: being found is a convenience. */
  announce(at: ListeningAt, isInside: () => boolean): Promise<void>;
  close(): Promise<void>;
}
