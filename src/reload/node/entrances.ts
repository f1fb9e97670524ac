import { isIP } from 'node:net';
import type { Clock } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import { type Random, randomBelow } from '#platform/random.ts';
import type { LinkTable } from '#reload/forwarding/link-table.ts';
import type { LinkFault, OverlayTransport } from '#reload/link/link.ts';
import { type LookUp, resolveNames, systemLookUp } from '#reload/node/bootstrap/resolve-names.ts';
import type { Finder, WayIn } from '#reload/node/bootstrap/way.ts';
import type { BootstrapAddress, PeerCache } from '#reload/node/peer-cache.ts';
import type { ConfigurationSource } from '#reload/overlay-config/configuration.ts';
import type { Entrances } from '#reload/topology/chord/core.ts';
import type { IpAddressPort } from '#reload/wire/address.ts';
import type { NodeId } from '#reload/wire/ids.ts';

export interface BootstrapEntrancesDeps {
  readonly nodeId: NodeId;
  readonly transport: OverlayTransport;
  readonly links: LinkTable;
  readonly configuration: ConfigurationSource;
  readonly cache: PeerCache;
  /** Ways to find peers near by, tried when no listed one lets this node in. */
  readonly finders?: readonly Finder[];
  /** By default the system's name service. */
  readonly lookUp?: LookUp;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface BootstrapEntrancesOptions {
  /** In place of the document's bootstrap nodes; host names are looked up at each search. */
  readonly bootstrapNodes?: readonly BootstrapAddress[];
}

/** How a node came by the peer that it tried last as its way into the overlay. */
export interface Entrance extends BootstrapAddress {
  readonly way: WayIn;
}

/** How long one entrance may take to let this node in, in milliseconds. */
const DIAL_PATIENCE = 5000;
/** Addresses of which is remembered who answered there. */
const MAX_KNOWN = 256;

/**
 * Links to peers known from before, then to bootstrap nodes in random order (RFC 6940 §11.4), then to what the finders find
 * (RFC 7890 §5.4). Whoever looks for another ring than its own begins with the bootstrap nodes and ends with the peers known from before.
 */
export class BootstrapEntrances implements Entrances {
  readonly #deps: BootstrapEntrancesDeps;
  readonly #options: BootstrapEntrancesOptions;
  /** Who answered at an address, to use an open link in place of a new one. */
  readonly #nodes = new Map<string, NodeId>();
  #latest: Entrance | undefined;

  constructor(deps: BootstrapEntrancesDeps, options: BootstrapEntrancesOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** The one yielded last to a search for a way in. */
  get latest(): Entrance | undefined {
    return this.#latest;
  }

  async *contacts(signal: AbortSignal, { bootstrapFirst = false } = {}): AsyncIterable<NodeId> {
    const seen = new Set<string>();
    for await (const entrance of this.#candidates(bootstrapFirst, signal)) {
      const { address, port, way } = entrance;
      const key = keyOf(entrance);
      if (seen.has(key)) continue;
      seen.add(key);
      signal.throwIfAborted();
      try {
        const nodeId = await this.#linkTo(entrance, key, signal);
        if (nodeId === undefined) continue;
        if (!bootstrapFirst) this.#latest = { address, port, way };
        yield nodeId;
      } catch (error) {
        signal.throwIfAborted();
        this.#deps.log.info('bootstrap node not reached', { address, port, way, why: messageOf(error) });
      }
    }
  }

  /** Where a node listens, as far as this one has dialled it. */
  addressOf(nodeId: NodeId): BootstrapAddress | undefined {
    for (const [key, found] of this.#nodes) {
      const [address, port] = key.split(' ');
      if (found === nodeId && address !== undefined) return { address, port: Number(port) };
    }
    return undefined;
  }

  async *#candidates(bootstrapFirst: boolean, signal: AbortSignal): AsyncIterable<Entrance> {
    const { configuration, cache, finders = [], lookUp = systemLookUp } = this.#deps;
    const listed = this.#shuffled(this.#options.bootstrapNodes ?? configuration.current.bootstrapNodes);
    if (!bootstrapFirst) yield* cache.list().map((at) => ({ ...at, way: 'cached' }) as const);
    for (const at of await resolveNames(this.#deps, listed, lookUp)) yield { ...at, way: 'listed' };
    for (const finder of finders) {
      for await (const at of finder.find(signal)) yield { ...at, way: finder.way };
    }
    if (bootstrapFirst) yield* cache.list().map((at) => ({ ...at, way: 'cached' }) as const);
  }

  async #linkTo(at: BootstrapAddress, key: string, signal: AbortSignal): Promise<NodeId | undefined> {
    const { links, nodeId, transport, clock } = this.#deps;
    const known = this.#nodes.get(key);
    if (known === nodeId) return undefined;
    if (known !== undefined && links.get(known) !== undefined) return known;
    const patience = new AbortController();
    const timer = clock.after(DIAL_PATIENCE, () =>
      patience.abort(new Failure<LinkFault>({ code: 'timeout' }, 'the handshake took too long')),
    );
    try {
      const either = AbortSignal.any([signal, patience.signal]);
      const link = await transport.dialLink([addressPort(at)], undefined, either);
      const found = link.nodeId ?? link.peer.nodeIds[0];
      if (found === undefined || link.peer.nodeIds.includes(nodeId)) {
        this.#know(key, nodeId);
        link.close();
        return undefined;
      }
      this.#know(key, found);
      link.bind(found);
      links.add(link);
      return found;
    } finally {
      timer.cancel();
    }
  }

  /** The latest stay, so that a network full of false peers costs no memory. */
  #know(key: string, node: NodeId): void {
    this.#nodes.delete(key);
    this.#nodes.set(key, node);
    const [oldest] = this.#nodes.keys();
    if (this.#nodes.size > MAX_KNOWN && oldest !== undefined) this.#nodes.delete(oldest);
  }

  #shuffled(addresses: readonly BootstrapAddress[]): readonly BootstrapAddress[] {
    const left = [...addresses];
    const shuffled: BootstrapAddress[] = [];
    while (left.length > 0) shuffled.push(...left.splice(randomBelow(this.#deps.random, left.length), 1));
    return shuffled;
  }
}

function keyOf({ address, port }: BootstrapAddress): string {
  return `${address} ${port}`;
}

function addressPort({ address, port }: BootstrapAddress): IpAddressPort {
  const version = isIP(address);
  if (version === 0) {
    throw new Failure<LinkFault>({ code: 'unreachable' }, 'the address of a bootstrap node has to be an IP address');
  }
  return { type: version === 4 ? 'ipv4' : 'ipv6', address, port };
}
