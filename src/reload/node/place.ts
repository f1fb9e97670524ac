import type { NextHop } from '#reload/forwarding/next-hop.ts';
import { chordOptions, type ReloadNodeOptions } from '#reload/node/options.ts';
import type { ConfigurationSource } from '#reload/overlay-config/configuration.ts';
import type { Verifier } from '#reload/security/identity.ts';
import type { Kinds } from '#reload/storage/context.ts';
import { Storage } from '#reload/storage/storage.ts';
import { Chord, type ChordStatus } from '#reload/topology/chord/chord.ts';
import { Client, type ClientDeps } from '#reload/topology/client.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';
import type { KeyValueStore } from '#store/key-value-store.ts';

/** A node's place in the overlay: a peer's on the ring, or a client's behind its uplink. */
export interface Place extends NextHop {
  start(): void;
  join(signal: AbortSignal): Promise<void>;
  /** Takes leave of the others. */
  leave(): Promise<void>;
  /** Becomes the first peer; false where that makes no sense. */
  found(): boolean;
  attached(node: NodeId, wantsUpdate: boolean): void;
  isCloseEnough(resource: ResourceId, signer: NodeId): boolean;
  status(): PlaceStatus;
}

export interface PlaceStatus extends Partial<ChordStatus> {
  readonly joined: boolean;
  readonly uplink?: NodeId | undefined;
}

export interface PartsDeps extends ClientDeps {
  readonly configuration: ConfigurationSource;
  readonly store: KeyValueStore;
  readonly verifier: Verifier;
  readonly kinds: Kinds;
}

interface Parts {
  readonly place: Place;
  readonly storage: Storage | undefined;
}

/** A peer stores for the others, and its place decides what. */
export function peerParts(deps: PartsDeps, options: ReloadNodeOptions): Parts {
  const responsibility = {
    isResponsible: (resource: ResourceId) => chord.isResponsible(resource),
    replicas: () => chord.replicas(),
    acceptsReplica: (resource: ResourceId, from: NodeId) => chord.acceptsReplica(resource, from),
  };
  const limit = options.maxRecords === undefined ? {} : { maxRecords: options.maxRecords };
  const storage = new Storage({ ...deps, store: deps.store.namespace('records'), responsibility }, limit);
  const chord = new Chord(
    { ...deps, handover: storage, countResources: () => storage.resourceCount },
    chordOptions(options),
  );
  return { place: peerPlace(chord), storage };
}

/** `uplink` is given for hosted clients. */
export function clientParts(deps: PartsDeps, options: ReloadNodeOptions, uplink: NodeId | undefined): Parts {
  const client = new Client(deps, { ...chordOptions(options), ...(uplink === undefined ? {} : { uplink }) });
  return { place: clientPlace(client), storage: undefined };
}

function peerPlace(chord: Chord): Place {
  return {
    isResponsible: (target) => chord.isResponsible(target),
    nextHop: (target, previousHop) => chord.nextHop(target, previousHop),
    start: () => chord.start(),
    join: (signal) => chord.join(signal),
    leave: () => chord.leave(),
    found: () => {
      chord.found();
      return true;
    },
    attached: (node, wantsUpdate) => chord.attached(node, wantsUpdate),
    isCloseEnough: (resource, signer) => chord.isCloseEnough(resource, signer),
    status: () => ({ joined: chord.stage === 'joined', ...chord.status() }),
  };
}

function clientPlace(client: Client): Place {
  return {
    isResponsible: () => false,
    nextHop: (target, previousHop) => client.nextHop(target, previousHop),
    start: () => client.start(),
    join: (signal) => client.join(signal),
    leave: async () => client.stop(),
    found: () => false,
    attached: () => {},
    // A client knows no neighbours of a resource (RFC 6940 §6.3.4).
    isCloseEnough: () => true,
    status: () => ({ joined: client.uplink !== undefined, uplink: client.uplink }),
  };
}
