import type { Clock } from '#platform/clock.ts';
import type { Logger } from '#platform/log.ts';
import { type Random, randomBelow } from '#platform/random.ts';
import type { LinkTable } from '#reload/forwarding/link-table.ts';
import type { Exchange } from '#reload/messaging/exchange.ts';
import type { ConfigurationSource } from '#reload/overlay-config/configuration.ts';
import type { ChordOptions } from '#reload/topology/chord/options.ts';
import type { Position } from '#reload/topology/chord/ring.ts';
import type { RoutingTable } from '#reload/topology/chord/routing-table.ts';
import type { Handover } from '#reload/topology/handover.ts';
import type { Destination } from '#reload/wire/destination.ts';
import type { NodeId } from '#reload/wire/ids.ts';

export type TopologyFault =
  /** No bootstrap node, and none of the peers known from before, could be used. */
  | { readonly code: 'no-contact' }
  /** The Admitting Peer found another peer between this node and itself. */
  | { readonly code: 'superseded' }
  | { readonly code: 'join-timeout' }
  | { readonly code: 'clients-not-permitted' }
  | { readonly code: 'stopped' };

/** What topology needs of attach: a link to the node, or the peer responsible for the resource, at the end of the list. */
export interface Attaching {
  attach(
    destination: readonly Destination[],
    options: { readonly sendUpdate?: boolean; readonly firstHop?: NodeId; readonly signal?: AbortSignal },
  ): Promise<{ readonly nodeId: NodeId | undefined }>;
}

/** Where a node finds the overlay: bootstrap nodes of the document, and peers of earlier days (RFC 6940 §11.4). */
export interface Entrances {
  /**
   * Links to one entrance after the other, and yields their Node-IDs. Ends when none is left. Peers known from before come first for a
   * node that wants to get in; `bootstrapFirst` is for one that looks for another ring than its own.
   */
  contacts(signal: AbortSignal, options?: { readonly bootstrapFirst?: boolean }): AsyncIterable<NodeId>;
}

export interface ChordDeps {
  readonly nodeId: NodeId;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly configuration: ConfigurationSource;
  readonly links: LinkTable;
  readonly exchange: Exchange;
  readonly attacher: Attaching;
  readonly handover: Handover;
  readonly entrances: Entrances;
  /** Distinct Resource-IDs in the store, for Probe. */
  readonly countResources: () => number;
}

/** Why the table changed. Only a loss starts the hold-down (RFC 6940 §10.7.1). */
export type Change =
  | { readonly type: 'gained'; readonly peer: NodeId; readonly admitted?: boolean }
  | { readonly type: 'lost'; readonly peer: NodeId };

/** What the parts of the plug-in share. */
export interface ChordCore {
  readonly deps: ChordDeps;
  readonly options: ChordOptions;
  readonly table: RoutingTable;
  /** Whether this node is a peer of the ring by now. */
  joined(): boolean;
  /** Whether this peer answers for the position. */
  isResponsible(position: Position): boolean;
  /** Seconds since the start. */
  uptime(): number;
}

/** A time drawn evenly from half to one and a half times `ms`, so that peers started together do not act together. */
export function jittered(random: Random, ms: number): number {
  return ms / 2 + randomBelow(random, Math.max(1, Math.round(ms)));
}
