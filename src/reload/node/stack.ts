import type { Clock } from '#platform/clock.ts';
import type { Logger } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import { Attacher } from '#reload/attach/attacher.ts';
import { type Adoption, ConfigurationSync } from '#reload/attach/configuration-sync.ts';
import { Forwarder, type ForwarderOptions } from '#reload/forwarding/forwarder.ts';
import { LinkTable } from '#reload/forwarding/link-table.ts';
import type { NextHop } from '#reload/forwarding/next-hop.ts';
import type { OverlayTransport } from '#reload/link/link.ts';
import { Messenger } from '#reload/messaging/messenger.ts';
import { answerPings } from '#reload/messaging/ping.ts';
import type { CurrentConfiguration } from '#reload/overlay-config/current-configuration.ts';
import type { Signer, Verifier } from '#reload/security/identity.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';

export interface StackDeps {
  readonly signer: Signer;
  readonly verifier: Verifier;
  readonly transport: OverlayTransport;
  readonly configuration: CurrentConfiguration;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly topology: NextHop & { isCloseEnough(resource: ResourceId, signer: NodeId): boolean };
  /** Takes documents and Kinds that others send. */
  readonly adoption: Adoption;
}

/** The layers between links and topology, wired for one logical node. */
export class Stack {
  readonly links: LinkTable;
  readonly forwarder: Forwarder;
  readonly messenger: Messenger;
  readonly attacher: Attacher;
  readonly #deps: StackDeps;
  readonly configurationSync: ConfigurationSync;

  constructor(deps: StackDeps, options: Omit<ForwarderOptions, 'nodeId'> = {}) {
    const { nodeId } = deps.signer;
    this.#deps = deps;
    this.links = new LinkTable({ ...deps, receive: (link, bytes) => this.forwarder.receive(link, bytes) }, { nodeId });
    this.forwarder = new Forwarder(
      {
        ...deps,
        links: this.links,
        nextHop: deps.topology,
        deliver: (incoming) => this.messenger.receive(incoming),
      },
      { ...options, nodeId },
    );
    this.messenger = new Messenger({
      ...deps,
      forwarder: this.forwarder,
      isCloseEnough: (resource, signer) => deps.topology.isCloseEnough(resource, signer),
    });
    this.attacher = new Attacher({ ...deps, exchange: this.messenger, links: this.links }, { nodeId });
    this.configurationSync = new ConfigurationSync({ ...deps, exchange: this.messenger, links: this.links });
  }

  start(): void {
    // In a turn of its own: topology hears of the link first, and routes around it.
    const tell = (node: NodeId, isGone: boolean) =>
      this.#deps.clock.after(0, () => this.messenger.linkFailed(node, isGone));
    this.links.observe({
      up: () => {},
      down: (node) => tell(node, true),
      suspect: (node, suspected) => {
        if (suspected) tell(node, false);
      },
    });
    answerPings(this.messenger, this.#deps);
    this.attacher.start();
    this.configurationSync.start();
  }

  stop(): void {
    this.attacher.stop();
    this.configurationSync.stop();
    this.messenger.stop();
    this.links.close();
  }
}
