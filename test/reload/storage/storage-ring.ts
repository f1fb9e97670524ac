import type { Clock } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import { silentLogger } from '#platform/log.ts';
import type { Answer, Exchange, ExchangeFault, Request, RequestHandler } from '#reload/messaging/exchange.ts';
import { outcomeOf } from '#reload/messaging/refusal.ts';
import type { KindConfiguration } from '#reload/overlay-config/configuration.ts';
import { newConfiguration } from '#reload/overlay-config/overlay-defaults.ts';
import type { Identity } from '#reload/security/identity.ts';
import { createSigner } from '#reload/security/signer.ts';
import { KindRegistry } from '#reload/storage/kind-registry.ts';
import { RecordStoreClient } from '#reload/storage/record-store-client.ts';
import { Storage, type StorageOptions } from '#reload/storage/storage.ts';
import { StorageTimes } from '#reload/storage/storage-times.ts';
import { ACCESS_POLICIES, BUILT_IN_KINDS } from '#reload/usages/kinds.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';
import { memoryStore } from '#store/memory-store.ts';
import { createTestOverlay, type TestOverlay } from '../../support/overlay.ts';

const none = { name: undefined, maxNodeMultiple: undefined, domainRestriction: undefined, branchingFactor: undefined };

/** Private Kinds for tests, one of each data model and policy. */
export const TEST_KINDS = {
  single: { ...none, id: 0xf0000101, dataModel: 'SINGLE', accessControl: 'USER-MATCH', maxCount: 1, maxSize: 200 },
  array: { ...none, id: 0xf0000102, dataModel: 'ARRAY', accessControl: 'USER-MATCH', maxCount: 10, maxSize: 200 },
  keyed: { ...none, id: 0xf0000103, dataModel: 'DICTIONARY', accessControl: 'USER-MATCH', maxCount: 4, maxSize: 200 },
  owned: {
    ...none,
    id: 0xf0000104,
    dataModel: 'DICTIONARY',
    accessControl: 'USER-NODE-MATCH',
    maxCount: 8,
    maxSize: 200,
  },
  node: { ...none, id: 0xf0000105, dataModel: 'SINGLE', accessControl: 'NODE-MATCH', maxCount: 1, maxSize: 200 },
  multiple: {
    ...none,
    id: 0xf0000106,
    dataModel: 'SINGLE',
    accessControl: 'NODE-MULTIPLE',
    maxCount: 1,
    maxSize: 200,
    maxNodeMultiple: 5,
  },
} as const satisfies Record<string, KindConfiguration>;

export interface TracedRequest {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly request: Request;
}

export interface Member {
  readonly identity: Identity;
  readonly nodeId: NodeId;
  readonly client: RecordStoreClient;
  readonly exchange: Exchange;
}

export interface Peer extends Member {
  readonly storage: Storage;
}

/** Storing peers and clients whose messages are handed over directly; everything but network and routing is the real thing. */
export class StorageRing {
  readonly overlay: TestOverlay;
  readonly clock: Clock;
  readonly kinds: KindRegistry;
  readonly trace: TracedRequest[] = [];
  readonly dead = new Set<NodeId>();
  peers: Peer[] = [];
  readonly #handlers = new Map<NodeId, Map<number, RequestHandler>>();
  readonly #options: StorageOptions;

  private constructor(overlay: TestOverlay, clock: Clock, options: StorageOptions) {
    this.overlay = overlay;
    this.clock = clock;
    this.#options = options;
    this.kinds = new KindRegistry({
      configuration: overlay.source,
      builtIn: BUILT_IN_KINDS,
      policies: ACCESS_POLICIES,
      log: silentLogger,
    });
  }

  static async create(
    options: StorageOptions & { readonly clock: Clock; readonly peers: number },
  ): Promise<StorageRing> {
    const choices = { instanceName: 'home.example', rootCerts: [], configurationSigners: [] };
    const kinds = [...newConfiguration(choices).kinds, ...Object.values(TEST_KINDS)];
    const overlay = await createTestOverlay({ clock: options.clock, configuration: { kinds } });
    const ring = new StorageRing(overlay, options.clock, options);
    for (const identity of await overlay.members(options.peers)) ring.addPeer(identity);
    return ring;
  }

  addPeer(identity: Identity): Peer {
    const member = this.#member(identity);
    const storage = new Storage(
      {
        exchange: member.exchange,
        responsibility: {
          isResponsible: (resource) => this.responsible(resource).nodeId === member.nodeId,
          replicas: () => this.#successors(member.nodeId),
          acceptsReplica: (resource, from) => {
            const holder = this.responsible(resource).nodeId;
            return from === holder || this.#successors(holder).includes(from);
          },
        },
        store: memoryStore().namespace('records'),
        verifier: this.overlay.verifier(),
        nodeId: member.nodeId,
        configuration: this.overlay.source,
        kinds: this.kinds,
        clock: this.clock,
        log: silentLogger,
      },
      this.#options,
    );
    storage.start();
    const peer = { ...member, storage };
    this.peers = [...this.peers, peer].sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
    return peer;
  }

  async addClient(user: string): Promise<Member> {
    return this.#member(await this.overlay.identity(user));
  }

  clientOf(identity: Identity): Member {
    return this.#member(identity);
  }

  /** The first living peer at or after the resource. */
  responsible(resource: ResourceId): Peer {
    const living = this.peers.filter(({ nodeId }) => !this.dead.has(nodeId));
    return (living.find(({ nodeId }) => nodeId >= (resource as string)) ?? living[0])!;
  }

  replicasOf(resource: ResourceId): Peer[] {
    const ids = this.#successors(this.responsible(resource).nodeId);
    return ids.map((id) => this.peers.find(({ nodeId }) => nodeId === id)!);
  }

  stop(): void {
    for (const { storage } of this.peers) storage.stop();
  }

  #successors(nodeId: NodeId): NodeId[] {
    const ids = this.peers.map((peer) => peer.nodeId).filter((id) => !this.dead.has(id) || id === nodeId);
    const at = ids.indexOf(nodeId);
    return [1, 2]
      .map((i) => ids[(at + i) % ids.length]!)
      .filter((id, i, all) => id !== nodeId && all.indexOf(id) === i);
  }

  #member(identity: Identity): Member {
    const handlers = new Map<number, RequestHandler>();
    this.#handlers.set(identity.nodeId, handlers);
    const exchange: Exchange = {
      request: (request) => this.#deliver(identity, request),
      handle: (code, handler) => handlers.set(code, handler),
    };
    const client = new RecordStoreClient({
      exchange,
      signer: createSigner(identity),
      verifier: this.overlay.verifier(),
      kinds: this.kinds,
      storageTimes: new StorageTimes({ clock: this.clock, store: memoryStore().namespace('settings') }),
      clock: this.clock,
      log: silentLogger,
    });
    return { identity, nodeId: identity.nodeId, client, exchange };
  }

  async #deliver(from: Identity, request: Request): Promise<Answer> {
    const last = request.destination.at(-1)!;
    const to = last.type === 'resource' ? this.responsible(last.id).nodeId : (last as { id: NodeId }).id;
    this.trace.push({ from: from.nodeId, to, request });
    const handler = this.#handlers.get(to)?.get(request.code);
    if (handler === undefined || this.dead.has(to) || this.dead.has(from.nodeId)) {
      throw new Failure<ExchangeFault>({ code: 'unreachable' }, `${to} is gone`);
    }
    const receiver = this.peers.find(({ nodeId }) => nodeId === to)!.identity;
    try {
      const response = await handler({
        header: {
          overlay: 0,
          configurationSequence: 0,
          version: 10,
          ttl: 100,
          fragment: { offset: 0, last: true },
          length: 0,
          transactionId: 1n,
          maxResponseLength: request.maxResponseLength ?? 0,
          viaList: [],
          destinationList: request.destination,
          options: [],
        },
        code: request.code,
        body: request.body,
        extensions: [],
        signatory: from,
        certificates: [from.certificate.der, ...(request.certificates ?? [])],
        previousHop: from.nodeId,
      });
      return {
        code: request.code + 1,
        body: response.body,
        extensions: [],
        signatory: receiver,
        certificates: [receiver.certificate.der, ...(response.certificates ?? [])],
      };
    } catch (thrown) {
      const outcome = outcomeOf(thrown);
      if (outcome.type === 'discard') throw new Failure<ExchangeFault>({ code: 'timeout' }, outcome.detail);
      if (outcome.unexpected !== undefined) throw thrown;
      const { errorCode, info } = outcome;
      const fault = { code: 'remote', errorCode, info, signatory: receiver } as const;
      throw new Failure<ExchangeFault>(fault, `error ${errorCode}: ${new TextDecoder().decode(info)}`);
    }
  }
}
