import { messageOf } from '#platform/failure.ts';
import { type LogFields, type Logger, type LogLevel, silentLogger } from '#platform/log.ts';
import type { OverlayTransport } from '#reload/link/link.ts';
import type { ReloadNodeOptions } from '#reload/node/options.ts';
import { ReloadNode } from '#reload/node/reload-node.ts';
import type { OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import type { CurrentConfiguration } from '#reload/overlay-config/current-configuration.ts';
import type { Identity, Signer, Verifier } from '#reload/security/identity.ts';
import { createSigner } from '#reload/security/signer.ts';
import type { KindDefinition } from '#reload/storage/kind.ts';
import { KindRegistry } from '#reload/storage/kind-registry.ts';
import { ACCESS_POLICIES, BUILT_IN_KINDS } from '#reload/usages/kinds.ts';
import { hashToResourceId, type NodeId, type ResourceId } from '#reload/wire/ids.ts';
import type { KeyValueStore } from '#store/key-value-store.ts';
import { memoryStore } from '#store/memory-store.ts';
import { createTestOverlay, TEST_EPOCH, type TestOverlay } from '../support/overlay.ts';
import { KeyedSecurity } from './keyed-security.ts';
import { type MemoryHost, MemoryNetwork, type MemoryNetworkOptions } from './memory-network.ts';
import { MemoryTransport } from './memory-transport.ts';
import { SeededRandom } from './seeded-random.ts';
import { VirtualClock } from './virtual-clock.ts';

/** A Kind that anybody may write anywhere, so that a test can put records at all places of the ring. */
export const OPEN_KIND: KindDefinition = {
  id: 0xf0000100,
  name: 'OPEN',
  dataModel: 'single',
  maxCount: 1,
  maxSize: 1000,
  permits: () => undefined,
};

export interface SimulationOptions {
  readonly seed: string | number;
  readonly network?: Partial<MemoryNetworkOptions>;
  readonly configuration?: Omit<Partial<OverlayConfiguration>, 'instanceName' | 'rootCerts'>;
  /** For every node. */
  readonly timers?: ReloadNodeOptions['timers'];
  /** Real certificates and ECDSA, or keyed hashes that cost next to nothing; ECDSA by default. */
  readonly signatures?: 'ecdsa' | 'keyed';
  /** Whether `trace` is kept; it is by default. */
  readonly trace?: boolean;
}

export interface SimulatedNode {
  readonly name: string;
  readonly node: ReloadNode;
  readonly identity: Identity;
  readonly host: MemoryHost;
  readonly store: KeyValueStore;
}

export const BOOTSTRAP_PORT = 6084;

/** What a test brings along for a node, in place of something new. */
export interface Given {
  readonly nodeId?: NodeId;
  readonly identity?: Identity;
  readonly store?: KeyValueStore;
  /** The document that this node alone has. */
  readonly configuration?: CurrentConfiguration;
  /** Puts something between the node and the network; `signer` signs as the node. */
  readonly wrapTransport?: (transport: OverlayTransport, signer: Signer) => OverlayTransport;
}

/** An overlay of real nodes on a simulated network in virtual time. */
export class SimulatedOverlay {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly network: MemoryNetwork;
  readonly overlay: TestOverlay;
  readonly nodes: SimulatedNode[] = [];
  /** What the nodes logged: virtual milliseconds since the start, node, level, message. */
  readonly trace: string[] = [];
  readonly #options: SimulationOptions;
  /** Checks are the same for all, so one cache serves all: what a node verified costs the others nothing. */
  readonly #verifier: Verifier;
  readonly #keyed: KeyedSecurity | undefined;
  readonly #kinds: KindRegistry;

  private constructor(options: SimulationOptions, overlay: TestOverlay, clock: VirtualClock) {
    this.#options = options;
    this.clock = clock;
    this.overlay = overlay;
    this.random = new SeededRandom(options.seed);
    this.network = new MemoryNetwork({ clock, random: this.random }, options.network ?? {});
    this.#keyed = options.signatures === 'keyed' ? keyedSecurity(overlay, this.random) : undefined;
    this.#verifier = this.#keyed ?? overlay.verifier();
    this.#kinds = new KindRegistry({
      configuration: overlay.source,
      builtIn: BUILT_IN_KINDS,
      policies: ACCESS_POLICIES,
      log: silentLogger,
    });
  }

  static async create(options: SimulationOptions): Promise<SimulatedOverlay> {
    const clock = new VirtualClock(TEST_EPOCH);
    const overlay = await createTestOverlay({
      clock,
      ...(options.configuration === undefined ? {} : { configuration: options.configuration }),
    });
    return new SimulatedOverlay(options, overlay, clock);
  }

  /** Peers that still run. */
  get living(): readonly SimulatedNode[] {
    return this.nodes.filter(({ host }) => host.running);
  }

  /** Makes a node whose bootstrap node is the first one; it is not started. */
  async make(name: string, options: Partial<ReloadNodeOptions> & Given = {}): Promise<SimulatedNode> {
    const nodeId = options.nodeId ?? (Buffer.from(this.random.fork(name).bytes(16)).toString('hex') as NodeId);
    const identity = options.identity ?? (await this.#issue(name, nodeId));
    const host = this.network.host();
    const store = options.store ?? memoryStore();
    const first = this.nodes[0];
    const node = new ReloadNode(
      {
        identity,
        verifier: this.#verifier,
        configuration: options.configuration ?? this.overlay.source,
        clock: host.clock,
        random: this.random.fork(`${name} ${this.nodes.length}`),
        log: this.#logger(name),
        store,
        kinds: { get: (id) => (id === OPEN_KIND.id ? OPEN_KIND : this.#kinds.get(id)) },
        createSigner: (as) => this.#signer(as),
        openTransport: (as) => {
          const transport = new MemoryTransport(host, as);
          return options.wrapTransport?.(transport, this.#signer(as)) ?? transport;
        },
      },
      {
        mode: 'peer',
        listen: { host: host.address, port: BOOTSTRAP_PORT },
        bootstrapNodes: first === undefined ? [] : [{ address: first.host.address, port: BOOTSTRAP_PORT }],
        foundRing: first === undefined,
        ...(this.#options.timers === undefined ? {} : { timers: this.#options.timers }),
        ...options,
      },
    );
    const made = { name, node, identity, host, store };
    this.nodes.push(made);
    return made;
  }

  /** Makes a node and lets time pass until it is in the overlay. */
  async add(name: string, options: Parameters<SimulatedOverlay['make']>[1] = {}): Promise<SimulatedNode> {
    const made = await this.make(name, options);
    await this.clock.run(made.node.start());
    return made;
  }

  /** Grows a ring of `count` peers, one after the other. */
  async grow(count: number): Promise<void> {
    while (this.nodes.length < count) await this.add(`peer${this.nodes.length}`);
  }

  async leave(node: SimulatedNode): Promise<void> {
    await this.clock.run(node.node.stop());
    node.host.vanish();
  }

  store(by: SimulatedNode, name: string, value: string, lifetimeSeconds = 86_400) {
    const request = {
      resource: hashToResourceId(name),
      kind: OPEN_KIND.id,
      values: [{ place: { model: 'single' } as const, value: Buffer.from(value) }],
      lifetimeSeconds,
    };
    return this.clock.run(by.node.records.store(request));
  }

  /** The value under the name as `by` finds it; undefined when there is none. */
  async fetch(by: SimulatedNode, name: string, at?: NodeId): Promise<string | undefined> {
    const resource: ResourceId = hashToResourceId(name);
    const request = { resource, kind: OPEN_KIND.id, ...(at === undefined ? {} : { at }) };
    const { values } = await this.clock.run(by.node.records.fetch(request));
    return values[0] === undefined ? undefined : Buffer.from(values[0].value).toString();
  }

  /** Whether every peer knows its true three neighbours on each side; in a large ring it knows more. */
  isRing(): boolean {
    const peers = this.living.map(({ node }) => node.status()).filter(({ mode }) => mode === 'peer');
    const ring = peers.map(({ nodeId }) => nodeId).sort();
    const places = new Map(ring.map((nodeId, at) => [nodeId, at]));
    const reach = Math.min(3, ring.length - 1);
    return peers.every((status) => {
      const at = places.get(status.nodeId) ?? 0;
      const step = (by: number) => ring[(at + by + ring.length) % ring.length];
      const expected = Array.from({ length: reach }, (_, i) => i + 1);
      return (
        status.joined &&
        String(status.successors?.slice(0, reach)) === String(expected.map((i) => step(i))) &&
        String(status.predecessors?.slice(0, reach)) === String(expected.map((i) => step(-i)))
      );
    });
  }

  #issue(user: string, nodeId: NodeId): Identity | Promise<Identity> {
    return this.#keyed?.identity(user, nodeId) ?? this.clock.hold(this.overlay.identity(user, { nodeId }));
  }

  #signer(identity: Identity): Signer {
    return this.#keyed?.signer(identity) ?? createSigner(identity);
  }

  #logger(name: string): Logger {
    if (this.#options.trace === false) return silentLogger;
    const write = (level: LogLevel) => (message: string, fields?: LogFields) => {
      const at = this.clock.now() - TEST_EPOCH;
      this.trace.push(`${at} ${name} ${level} ${message} ${fields === undefined ? '' : JSON.stringify(fields)}`);
    };
    const logger: Logger = {
      child: (inner) => this.#logger(`${name}.${inner}`),
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
    };
    return logger;
  }
}

function keyedSecurity(overlay: TestOverlay, random: SeededRandom): KeyedSecurity {
  const { privateKey, certificate } = overlay.configurationSigner;
  const { publicKey, notBefore, notAfter } = certificate;
  const secret = random.fork('keyed security').bytes(32);
  return new KeyedSecurity(overlay.name, { secret, key: { privateKey, publicKey }, validity: { notBefore, notAfter } });
}

/**
 * Every value that could not be fetched, as `reader/name`: nothing when all is well. With `every` = 4 each reader asks for a fourth of
 * the records, a different one than the reader before.
 */
export async function unreachable(
  overlay: SimulatedOverlay,
  records: ReadonlyMap<string, string>,
  every = 1,
): Promise<readonly string[]> {
  const missing: string[] = [];
  let turn = 0;
  for (const reader of overlay.living) {
    turn++;
    for (const [name, value] of records) {
      if (turn++ % every !== 0) continue;
      const found = await overlay.fetch(reader, name).catch((error: unknown) => messageOf(error));
      if (found !== value) missing.push(`${reader.name}/${name}: ${found}`);
    }
  }
  return missing;
}
