import { silentLogger } from '#platform/log.ts';
import type { ExitReason } from '#reload/node/membership.ts';
import type { ReloadNodeOptions } from '#reload/node/options.ts';
import { ReloadNode } from '#reload/node/reload-node.ts';
import type { OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import { CurrentConfiguration } from '#reload/overlay-config/current-configuration.ts';
import { readDocument } from '#reload/overlay-config/document.ts';
import { printConfiguration, printDocument, printKind } from '#reload/overlay-config/print.ts';
import { CertificateVerifier } from '#reload/security/certificate-verifier.ts';
import { signElement } from '#reload/security/configuration-signature.ts';
import type { Identity } from '#reload/security/identity.ts';
import { createSigner } from '#reload/security/signer.ts';
import type { KindDefinition } from '#reload/storage/kind.ts';
import { KindRegistry } from '#reload/storage/kind-registry.ts';
import { ACCESS_POLICIES, BUILT_IN_KINDS } from '#reload/usages/kinds.ts';
import type { Destination } from '#reload/wire/destination.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { splitMessage } from '#reload/wire/message.ts';
import { memoryStore } from '#store/memory-store.ts';
import { createTestOverlay, TEST_EPOCH, type TestOverlay } from '../support/overlay.ts';
import { type MemoryHost, MemoryNetwork } from './memory-network.ts';
import { MemoryTransport } from './memory-transport.ts';
import { SeededRandom } from './seeded-random.ts';
import { VirtualClock } from './virtual-clock.ts';

type Choices = Omit<Partial<OverlayConfiguration>, 'instanceName' | 'rootCerts'>;

export interface Member {
  readonly name: string;
  readonly node: ReloadNode;
  readonly identity: Identity;
  readonly host: MemoryHost;
  readonly configuration: CurrentConfiguration;
  /** Documents that the node was given to keep. */
  readonly kept: Uint8Array[];
  exit: ExitReason | undefined;
}

interface MemberOptions extends Partial<ReloadNodeOptions> {
  /** Kinds as this node alone sees them. */
  readonly kinds?: (id: number) => KindDefinition | undefined;
  readonly identity?: Identity;
  readonly document?: Uint8Array;
  readonly fetchConfiguration?: () => Promise<Uint8Array | undefined>;
}

const PORT = 6084;

/** A ring in which every node has its own document, its own view of certificates and its own Kinds, as separate processes have. */
export class ConfiguredWorld {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly network: MemoryNetwork;
  readonly members: Member[] = [];
  readonly overlay: TestOverlay;

  private constructor(seed: string, clock: VirtualClock, overlay: TestOverlay) {
    this.clock = clock;
    this.overlay = overlay;
    this.random = new SeededRandom(seed);
    this.network = new MemoryNetwork({ clock, random: this.random }, {});
  }

  static async create(seed: string, peers: number, configuration: Choices = {}): Promise<ConfiguredWorld> {
    const clock = new VirtualClock(TEST_EPOCH);
    const world = new ConfiguredWorld(seed, clock, await createTestOverlay({ clock, configuration }));
    while (world.members.length < peers) await world.add(`peer${world.members.length}`);
    await clock.runUntil(() => world.isRing(), 60_000);
    return world;
  }

  async make(name: string, options: MemberOptions = {}): Promise<Member> {
    const nodeId = Buffer.from(this.random.fork(name).bytes(16)).toString('hex') as NodeId;
    const identity = options.identity ?? (await this.overlay.identity(name, { nodeId }));
    const host = this.network.host();
    const configuration = new CurrentConfiguration(readDocument(options.document ?? this.overlay.document));
    const verifier = new CertificateVerifier({ clock: this.clock, configuration });
    const registry = new KindRegistry({
      configuration,
      builtIn: BUILT_IN_KINDS,
      policies: ACCESS_POLICIES,
      log: silentLogger,
    });
    const [first] = this.members;
    const kept: Uint8Array[] = [];
    const node = new ReloadNode(
      {
        identity,
        verifier,
        configuration,
        kinds: { get: (id) => options.kinds?.(id) ?? registry.get(id) },
        clock: host.clock,
        random: this.random.fork(`${name} ${this.members.length}`),
        log: silentLogger,
        store: memoryStore(),
        createSigner,
        openTransport: (as) => new MemoryTransport(host, as, (peer) => void verifier.checkCertificate(peer.der, [])),
        onConfiguration: (document) => kept.push(document),
        onExit: (reason) => {
          member.exit = reason;
        },
        ...(options.fetchConfiguration === undefined ? {} : { fetchConfiguration: options.fetchConfiguration }),
      },
      {
        mode: 'peer',
        listen: { host: host.address, port: PORT },
        bootstrapNodes: first === undefined ? [] : [{ address: first.host.address, port: PORT }],
        foundRing: first === undefined,
        ...options,
      },
    );
    const member: Member = { name, node, identity, host, configuration, kept, exit: undefined };
    this.members.push(member);
    return member;
  }

  async add(name: string, options: MemberOptions = {}): Promise<Member> {
    const member = await this.make(name, options);
    await this.clock.run(member.node.start());
    return member;
  }

  /** A document like the overlay's first with changes; `signers` says who signs it and who its Kinds, if another. */
  sign(
    changes: Choices,
    signers: { by?: Identity; kindsBy?: (kind: number) => Identity | undefined; edit?: (xml: string) => string } = {},
  ) {
    const configuration = { ...this.overlay.configuration, ...changes };
    const by = signers.by ?? this.overlay.configurationSigner;
    const kinds = configuration.kinds.map((kind) => {
      const xml = printKind(kind);
      return { xml, signature: signElement(createSigner(signers.kindsBy?.(kind.id) ?? by), Buffer.from(xml)) };
    });
    const printed = printConfiguration(configuration, kinds);
    const xml = signers.edit?.(printed) ?? printed;
    return printDocument(xml, signElement(createSigner(by), Buffer.from(xml)));
  }

  /** What `from` gets for an answer to a request: the body, or the error code. */
  ask(from: Member, to: Destination, code: number, body: Uint8Array): Promise<Uint8Array | number> {
    const asked = from.node.exchange.request({ destination: [to], code, body });
    return this.clock.run(
      asked.then(
        (answer) => answer.body,
        (failure) => failure.fault.errorCode,
      ),
    );
  }

  /** Every request with this code that is sent from now on. */
  tap(code: number): { readonly from: NodeId; readonly body: Uint8Array }[] {
    const seen: { from: NodeId; body: Uint8Array }[] = [];
    const before = this.network.tap;
    this.network.tap = (from, to, bytes) => {
      before?.(from, to, bytes);
      const { contents } = splitMessage(bytes);
      const sender = this.members.find(({ host }) => host === from);
      if (contents.code === code && sender !== undefined) {
        seen.push({ from: sender.node.nodeId, body: contents.body.slice() });
      }
    };
    return seen;
  }

  sequences(): readonly number[] {
    return this.members.map(({ configuration }) => configuration.current.sequence);
  }

  /** Virtual milliseconds until all have the document with this sequence. */
  async spread(sequence: number, most: number): Promise<number> {
    const begun = this.clock.now();
    await this.clock.runUntil(() => this.sequences().every((other) => other === sequence), most);
    return this.clock.now() - begun;
  }

  /** Whether every peer still in the overlay has its true successor and predecessor. */
  isRing(): boolean {
    const peers = this.members.filter(({ node, exit }) => exit === undefined && node.status().mode === 'peer');
    const ring = peers.map(({ node }) => node.nodeId).sort();
    return peers.every(({ node }) => {
      const { joined, successors, predecessors } = node.status();
      const at = ring.indexOf(node.nodeId);
      const next = ring[(at + 1) % ring.length];
      const before = ring[(at - 1 + ring.length) % ring.length];
      return joined && (ring.length === 1 || (successors?.[0] === next && predecessors?.[0] === before));
    });
  }
}
