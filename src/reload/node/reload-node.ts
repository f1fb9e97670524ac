import { type Clock, delay } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import type { ForwarderCounters } from '#reload/forwarding/forwarder.ts';
import type { AppConnection, Listener, OverlayTransport } from '#reload/link/link.ts';
import { localLinkPair } from '#reload/link/local-link.ts';
import type { MessengerCounters } from '#reload/messaging/counters.ts';
import type { Exchange } from '#reload/messaging/exchange.ts';
import type { LocalWays, WayIn } from '#reload/node/bootstrap/way.ts';
import { ConfigurationLife } from '#reload/node/configuration-life.ts';
import { BootstrapEntrances } from '#reload/node/entrances.ts';
import type { ExitReason } from '#reload/node/membership.ts';
import { type ReloadNodeOptions, START_TIMEOUT } from '#reload/node/options.ts';
import { OverlayQueries } from '#reload/node/overlay-queries.ts';
import { PeerCache } from '#reload/node/peer-cache.ts';
import { PeerMemory } from '#reload/node/peer-memory.ts';
import { clientParts, type Place, type PlaceStatus, peerParts } from '#reload/node/place.ts';
import { Stack } from '#reload/node/stack.ts';
import type { CurrentConfiguration } from '#reload/overlay-config/current-configuration.ts';
import type { Identity, Signer, Verifier } from '#reload/security/identity.ts';
import { RenewableIdentity, renewableSigner } from '#reload/security/renewable-identity.ts';
import type { Kinds } from '#reload/storage/context.ts';
import type { RecordClient } from '#reload/storage/record-client.ts';
import { RecordStoreClient } from '#reload/storage/record-store-client.ts';
import type { RecordName } from '#reload/storage/record-table.ts';
import type { Storage } from '#reload/storage/storage.ts';
import { StorageTimes } from '#reload/storage/storage-times.ts';
import type { TopologyFault } from '#reload/topology/chord/core.ts';
import type { IpAddressPort } from '#reload/wire/address.ts';
import type { Destination } from '#reload/wire/destination.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';
import type { KeyValueStore } from '#store/key-value-store.ts';

export interface ReloadNodeDeps {
  readonly identity: Identity;
  readonly verifier: Verifier;
  readonly configuration: CurrentConfiguration;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly store: KeyValueStore;
  readonly kinds: Kinds;
  createSigner(identity: Identity): Signer;
  /** How an identity makes and takes connections; called once for this node and once for each hosted client. */
  openTransport(identity: Identity): OverlayTransport;
  /** How this node looks for others near by and is found by them; by default in no way. */
  openLocalWays?(signer: Signer): LocalWays;
  /** Told of each newer configuration document that the overlay brought, to keep it. */
  readonly onConfiguration?: (document: Uint8Array) => void;
  /** Gets the document as a new member does, unchecked; without it the node depends on the overlay for newer ones. */
  readonly fetchConfiguration?: (signal: AbortSignal) => Promise<Uint8Array | undefined>;
  /** Told when the node has left the overlay because it can't be a member under a new document. */
  readonly onExit?: (reason: ExitReason) => void;
}

/** Wait between two attempts to get into the overlay at the start, in milliseconds. */
const START_RETRY = 500;

export interface NodeStatus extends PlaceStatus {
  readonly nodeId: NodeId;
  readonly userName: string;
  readonly mode: 'peer' | 'client';
  readonly overlay: string;
  readonly configurationSequence: number;
  /** Why the node has left the overlay by itself. */
  readonly exit?: string;
  /** How this node got into the overlay the last time; undefined before that, and for hosted clients. */
  readonly entrance: { readonly way: WayIn; readonly address?: string; readonly port?: number } | undefined;
  readonly links: readonly { readonly nodeId: NodeId; readonly address: string; readonly suspect: boolean }[];
  /** Records held for the overlay, replicas included. */
  readonly records: number;
  readonly hosted: readonly NodeId[];
  readonly forwarding: ForwarderCounters;
  readonly messaging: MessengerCounters;
}

/** One logical node of a RELOAD overlay: a peer, a client, or a client hosted by a peer of the same process. */
export class ReloadNode {
  readonly nodeId: NodeId;
  /** Reads and writes records as this node. */
  readonly records: RecordClient;
  readonly queries: OverlayQueries;
  readonly #deps: ReloadNodeDeps;
  readonly #identity: RenewableIdentity;
  readonly #options: ReloadNodeOptions;
  readonly #transport: OverlayTransport;
  readonly #stack: Stack;
  readonly #storage: Storage | undefined;
  readonly #place: Place;
  readonly #memory: PeerMemory;
  readonly #storageTimes: StorageTimes;
  readonly #entrances: BootstrapEntrances;
  readonly #localWays: LocalWays | undefined;
  readonly #life: ConfigurationLife;
  readonly #hosted = new Set<ReloadNode>();
  readonly #stopping = new AbortController();
  #listener: Listener | undefined;
  #stopped: Promise<void> | undefined;
  #founded = false;

  /** `host` is for `hostClient`: the peer in whose process this client lives. */
  constructor(given: ReloadNodeDeps, options: ReloadNodeOptions, host?: ReloadNode) {
    const identity = new RenewableIdentity(given.identity);
    const deps = { ...given, identity };
    const { clock, store } = deps;
    const { nodeId } = identity;
    this.#identity = identity;
    this.nodeId = nodeId;
    this.#deps = deps;
    this.#options = options;
    const signer = renewableSigner(identity, deps.createSigner);
    const transport = deps.openTransport(identity);
    this.#transport = transport;
    const topology = {
      isResponsible: (target: NodeId | ResourceId) => this.#place.isResponsible(target),
      nextHop: (target: NodeId | ResourceId, previousHop?: NodeId) => this.#place.nextHop(target, previousHop),
      isCloseEnough: (resource: ResourceId, other: NodeId) => this.#place.isCloseEnough(resource, other),
    };
    const adoption = {
      adopt: (document: Uint8Array) => this.#life.adopt(document),
      adoptKinds: (blocks: readonly Uint8Array[]) => this.#life.adoptKinds(blocks),
      lost: () => this.#life.lost(),
    };
    this.#stack = new Stack({ ...deps, signer, transport, topology, adoption }, options);
    const { links, messenger, attacher } = this.#stack;
    this.#life = new ConfigurationLife({
      ...deps,
      links,
      mode: host === undefined ? options.mode : 'hosted',
      stop: () => this.stop(),
      isHosted: (node) => [...this.#hosted].some((client) => client.nodeId === node),
    });
    const cache = new PeerCache({ clock, store: store.namespace('peers') });
    this.#localWays = host === undefined ? deps.openLocalWays?.(signer) : undefined;
    const finders = this.#localWays?.finders ?? [];
    const entrances = new BootstrapEntrances({ ...deps, nodeId, transport, links, cache, finders }, options);
    this.#entrances = entrances;
    const shared = { ...deps, nodeId, links, exchange: messenger, attacher, entrances };
    const parts = options.mode === 'peer' ? peerParts(shared, options) : clientParts(shared, options, host?.nodeId);
    this.#storage = parts.storage;
    this.#place = parts.place;
    this.#memory = new PeerMemory({ ...deps, links, cache, entrances });
    this.#storageTimes =
      host === undefined ? new StorageTimes({ clock, store: store.namespace('storage-times') }) : host.#storageTimes;
    this.records = new RecordStoreClient({ ...deps, exchange: messenger, signer, storageTimes: this.#storageTimes });
    this.queries = new OverlayQueries({ exchange: messenger, clock });
  }

  /** End-to-end requests of this node, for usages with messages of their own. */
  get exchange(): Exchange {
    return this.#stack.messenger;
  }

  /** Where this node takes links from newcomers. */
  get listening(): readonly IpAddressPort[] {
    return this.#listener?.addresses ?? [];
  }

  /**
   * Gets into the overlay: through peers known from before or bootstrap nodes, or as its first peer where `foundRing` permits that.
   * Rejects with `Failure<TopologyFault>` when it does not succeed in time; `stop` is to be called then as well.
   */
  async start(signal?: AbortSignal): Promise<void> {
    const { listen } = this.#options;
    this.#life.start();
    this.#storage?.start();
    this.#stack.start();
    this.#place.start();
    this.#stack.attacher.onAttached((node, wantsUpdate) => this.#place.attached(node, wantsUpdate));
    if (listen !== undefined) {
      this.#listener = await this.#transport.listen(listen, (link) => this.#stack.links.add(link));
    }
    await this.#enter(signal === undefined ? this.#stopping.signal : AbortSignal.any([signal, this.#stopping.signal]));
    this.#memory.start(() => this.#place.status());
    if (listen !== undefined && this.#options.mode === 'peer') {
      const at = { host: listen.host, addresses: this.listening };
      await this.#localWays?.announce(at, () => this.#place.status().joined);
    }
  }

  /** Hands over what this node holds for the others, says Leave, and closes everything. */
  stop(): Promise<void> {
    this.#stopped ??= this.#shutDown();
    return this.#stopped;
  }

  async #shutDown(): Promise<void> {
    this.#life.stop();
    this.#stopping.abort(new Failure<TopologyFault>({ code: 'stopped' }, 'the node is being stopped'));
    await Promise.all([...this.#hosted].map((client) => client.stop()));
    await this.#localWays?.close();
    await this.#memory.stop();
    await this.#place.leave();
    await this.#listener?.close();
    this.#storage?.stop();
    this.#stack.stop();
  }

  /**
   * A further node of this process, under its own certificate, whose only link is one to this peer. It stores, fetches and attaches as
   * itself and is reached by the destination list [this peer, itself]. Resolves when it can be used.
   */
  async hostClient(identity: Identity): Promise<ReloadNode> {
    const log = this.#deps.log.child(identity.nodeId);
    const client = new ReloadNode(
      { ...this.#deps, identity, log },
      { ...chosenFor(this.#options), mode: 'client' },
      this,
    );
    const { certificate } = this.#deps.identity;
    const [here, there] = localLinkPair(
      { nodeId: this.nodeId, certificate },
      { nodeId: identity.nodeId, certificate: identity.certificate },
    );
    await client.start();
    this.#stack.links.add(here);
    client.#stack.links.add(there);
    this.#hosted.add(client);
    client.#stopping.signal.addEventListener('abort', () => this.#hosted.delete(client), { once: true });
    return client;
  }

  get identity(): Identity {
    return this.#identity.current;
  }

  /**
   * From now on this node signs and shows itself with a renewed certificate of the same Node-ID and user name; links and connections
   * that are open stay so. Throws a Failure for a certificate that is another node's.
   */
  renewIdentity(identity: Identity): void {
    this.#identity.renew(identity);
  }

  /** Opens a mutually authenticated connection to the node at the end of the list (RFC 6940 §6.5.2). */
  appAttach(destination: readonly Destination[], application: number, signal: AbortSignal): Promise<AppConnection> {
    return this.#stack.attacher.appAttach(destination, application, signal);
  }

  /** Takes the connections that others open for an application, for example 5060 for SIP. */
  onAppAttach(application: number, accept: (connection: AppConnection) => void): void {
    this.#stack.attacher.onAppAttach(application, accept);
  }

  /** The first `limit` records this node holds for the overlay, replicas included. */
  recordNames(limit: number): readonly RecordName[] {
    return this.#storage?.recordNames(limit) ?? [];
  }

  /**
   * Puts a changed configuration document in force and passes it on to the overlay (RFC 6940 §6.5.4). It is checked like one that came
   * in a ConfigUpdate: of this overlay, newer, signed by a configuration-signer of the document in force. Throws
   * `Failure<ConfigurationFault>` and changes nothing otherwise.
   */
  adoptConfiguration(document: Uint8Array): void {
    this.#life.adopt(document);
  }

  status(): NodeStatus {
    const { links, forwarder, messenger } = this.#stack;
    const { configuration, identity } = this.#deps;
    return {
      nodeId: this.nodeId,
      userName: identity.certificate.userName,
      mode: this.#options.mode,
      overlay: configuration.current.instanceName,
      configurationSequence: configuration.current.sequence,
      ...(this.#life.exit === undefined ? {} : { exit: this.#life.exit.message }),
      entrance: this.#founded ? { way: 'founded' } : this.#entrances.latest,
      ...this.#place.status(),
      links: links.nodes().map((nodeId) => ({
        nodeId,
        address: links.get(nodeId)?.remoteAddress ?? '',
        suspect: links.isSuspect(nodeId),
      })),
      records: this.#storage?.recordCount ?? 0,
      hosted: [...this.#hosted].map((client) => client.nodeId),
      forwarding: forwarder.counters,
      messaging: messenger.counters,
    };
  }

  async #enter(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    const deadline = clock.now() + (this.#options.startTimeout ?? START_TIMEOUT);
    for (;;) {
      try {
        await this.#place.join(signal);
        return;
      } catch (error) {
        signal.throwIfAborted();
        const isLost = error instanceof Failure && error.fault.code === 'no-contact';
        this.#founded = isLost && this.#options.foundRing === true && this.#place.found();
        if (this.#founded) return;
        if (!isLost || clock.now() >= deadline) throw error;
        log.debug('not in the overlay yet', { why: messageOf(error) });
        await delay(clock, START_RETRY, signal);
      }
    }
  }
}

/** A hosted client keeps its host's timers, but neither listens nor founds. */
function chosenFor({ timers }: ReloadNodeOptions): Pick<ReloadNodeOptions, 'timers'> {
  return timers === undefined ? {} : { timers };
}
