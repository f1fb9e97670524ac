import type { Clock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { Forwarder, type Incoming } from '#reload/forwarding/forwarder.ts';
import { LinkTable } from '#reload/forwarding/link-table.ts';
import type { NextHop } from '#reload/forwarding/next-hop.ts';
import type { ReturnMode } from '#reload/forwarding/return-state.ts';
import type { Link } from '#reload/link/link.ts';
import { localLinkPair } from '#reload/link/local-link.ts';
import { Messenger } from '#reload/messaging/messenger.ts';
import type { ClosenessCheck } from '#reload/messaging/origin.ts';
import { answerPings } from '#reload/messaging/ping.ts';
import { CurrentConfiguration } from '#reload/overlay-config/current-configuration.ts';
import { CertificateVerifier } from '#reload/security/certificate-verifier.ts';
import type { Identity, Verifier } from '#reload/security/identity.ts';
import { createSigner } from '#reload/security/signer.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { SeededRandom } from '../../simulation/seeded-random.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { createTestOverlay, TEST_EPOCH, type TestOverlay } from '../../support/overlay.ts';

/** One node below topology: links, forwarding and messaging are the real ones. */
export interface TestNode {
  readonly identity: Identity;
  readonly nodeId: NodeId;
  readonly links: LinkTable;
  readonly forwarder: Forwarder;
  readonly messenger: Messenger;
  readonly configuration: CurrentConfiguration;
  readonly verifier: Verifier;
  /** Where messages go that no link leads to directly. Tests set it. */
  route: (target: string) => NodeId | undefined;
  isResponsible: (target: string) => boolean;
  isCloseEnough: ClosenessCheck;
  /** What came to this node, before messaging saw it. */
  readonly delivered: Incoming[];
}

export interface TestNetwork {
  readonly overlay: TestOverlay;
  readonly clock: VirtualClock;
  node(user: string, identity?: Identity, returnMode?: ReturnMode): Promise<TestNode>;
}

export async function createTestNetwork(
  configuration: Parameters<typeof createTestOverlay>[0] = {},
): Promise<TestNetwork> {
  const clock = new VirtualClock(TEST_EPOCH);
  const overlay = await createTestOverlay({ ...configuration, clock });
  let nodes = 0;
  return {
    overlay,
    clock,
    async node(user, given, returnMode) {
      const identity = given ?? (await overlay.identity(user));
      return makeNode(identity, overlay, { clock, seed: ++nodes, ...(returnMode !== undefined && { returnMode }) });
    },
  };
}

/** A node on any clock. */
export function makeNode(
  identity: Identity,
  overlay: TestOverlay,
  { clock, seed, returnMode }: { readonly clock: Clock; readonly seed: number; readonly returnMode?: ReturnMode },
): TestNode {
  const random = new SeededRandom(seed);
  const log = silentLogger;
  const source = new CurrentConfiguration({ configuration: overlay.source.current, document: overlay.source.bytes });
  const verifier = new CertificateVerifier({ clock, configuration: source });
  const nextHop: NextHop = {
    isResponsible: (target) => node.isResponsible(target),
    nextHop: (target) => node.route(target),
  };
  const links = new LinkTable(
    { clock, random, log, receive: (link, bytes) => forwarder.receive(link, bytes) },
    { nodeId: identity.nodeId },
  );
  const forwarder: Forwarder = new Forwarder(
    {
      links,
      nextHop,
      clock,
      random,
      configuration: source,
      log,
      deliver: (incoming) => {
        node.delivered.push(incoming);
        messenger.receive(incoming);
      },
    },
    { nodeId: identity.nodeId, ...(returnMode !== undefined && { returnMode }) },
  );
  const messenger: Messenger = new Messenger({
    forwarder,
    signer: createSigner(identity),
    verifier,
    configuration: source,
    clock,
    random,
    log,
    isCloseEnough: (resource, signer) => node.isCloseEnough(resource, signer),
  });
  answerPings(messenger, { clock, random });
  const node: TestNode = {
    identity,
    nodeId: identity.nodeId,
    links,
    forwarder,
    messenger,
    configuration: source,
    verifier,
    route: () => undefined,
    isResponsible: () => false,
    isCloseEnough: () => true,
    delivered: [],
  };
  return node;
}

/** What the network does to a message on its way from `from`: undefined loses it. */
export type Tap = (bytes: Uint8Array, from: NodeId) => Uint8Array | undefined;

/** Links two nodes; `tap` sees, changes or loses what they send; with `mtu` the link is like one over datagrams. */
export function connect(a: TestNode, b: TestNode, tap: Tap = (bytes) => bytes, mtu?: number): void {
  const [atA, atB] = localLinkPair(
    { nodeId: a.nodeId, certificate: a.identity.certificate },
    { nodeId: b.nodeId, certificate: b.identity.certificate },
  );
  a.links.add(tapped(atA, a.nodeId, tap, mtu));
  b.links.add(tapped(atB, b.nodeId, tap, mtu));
}

function tapped(link: Link, from: NodeId, tap: Tap, mtu: number | undefined): Link {
  return {
    ...(mtu !== undefined && { mtu }),
    peer: link.peer,
    remoteAddress: link.remoteAddress,
    get nodeId() {
      return link.nodeId;
    },
    bind: (nodeId) => link.bind(nodeId),
    observe: (observer) => link.observe(observer),
    close: (reason) => link.close(reason),
    send(message) {
      const changed = tap(message, from);
      if (changed !== undefined) link.send(changed);
    },
  };
}
