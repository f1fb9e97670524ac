import type { Clock } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { LinkTable } from '#reload/forwarding/link-table.ts';
import { type ExitReason, hasNoPlace, type MembershipDeps } from '#reload/node/membership.ts';
import type { OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import type { AddedKind, CurrentConfiguration } from '#reload/overlay-config/current-configuration.ts';
import { readDocument, type SignedConfiguration } from '#reload/overlay-config/document.ts';
import type { ConfigurationFault } from '#reload/overlay-config/fault.ts';
import {
  acceptFetchedConfiguration,
  acceptKind,
  acceptNextConfiguration,
} from '#reload/security/configuration-signature.ts';
import { claimedSigner } from '#reload/security/kind-signature.ts';
import type { NodeId } from '#reload/wire/ids.ts';

export interface LiveConfigurationDeps extends MembershipDeps {
  readonly configuration: CurrentConfiguration;
  readonly links: LinkTable;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told of each newer document, to keep it. */
  readonly onConfiguration?: ((document: Uint8Array) => void) | undefined;
}

/** What a document may demand of the node beside being in force. */
export interface Consequences {
  /** This node can't be a member any more (RFC 6940 §11.1). */
  exit(reason: ExitReason): void;
  /** Every link has to be made anew. */
  reenter(why: string): void;
  /** The overlay has a document that can't be checked by the one in force (RFC 6940 §6.5.4.2). */
  lost(): void;
}

/** Kinds that may be in force beside the document's. */
const MAX_ADDED_KINDS = 64;

/** Takes documents and Kinds that are to be in force, and makes the node fit them (RFC 6940 §6.5.4.2, §11.1). */
export class LiveConfiguration {
  readonly #deps: LiveConfigurationDeps;
  readonly #consequences: Consequences;
  #previous: OverlayConfiguration;
  #stopped = false;

  constructor(deps: LiveConfigurationDeps, consequences: Consequences) {
    this.#deps = deps;
    this.#consequences = consequences;
    this.#previous = deps.configuration.current;
  }

  /** Why the node can't be a member under the configuration in force. */
  obstacle(): ExitReason | undefined {
    return hasNoPlace(this.#deps, this.#deps.configuration.current);
  }

  /** Follows the configuration from now on, whoever replaces it: the nodes of a process share it. */
  start(): void {
    this.#deps.configuration.onChange((configuration) => {
      if (!this.#stopped) this.#follow(configuration);
    });
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Takes a document as it comes in a ConfigUpdate. Throws `Failure<ConfigurationFault>`. */
  adopt(document: Uint8Array): void {
    const { configuration, verifier, clock } = this.#deps;
    try {
      this.#take(document, () =>
        acceptNextConfiguration(document, { configuration: configuration.current, verifier, clock }),
      );
    } catch (error) {
      const fault = error instanceof Failure ? (error as Failure<ConfigurationFault>).fault : undefined;
      if (fault?.code === 'signature' && fault.at === 'signature') this.#consequences.lost();
      throw error;
    }
  }

  /**
   * Takes a document as it was fetched anew: newer, and good as a first one under a root of the document in force, since changes of the
   * signers may have been missed (RFC 6940 §6.5.4.2). Throws `Failure<ConfigurationFault>`.
   */
  adoptFetched(document: Uint8Array): void {
    const { configuration, clock } = this.#deps;
    this.#take(document, () => acceptFetchedConfiguration(document, { configuration: configuration.current, clock }));
  }

  /**
   * Takes Kinds as they come in a ConfigUpdate: all or none. Those in force already stay as they are, if the same node signed them; two
   * blocks do not tell which is newer. Throws `Failure<ConfigurationFault>`.
   */
  adoptKinds(blocks: readonly Uint8Array[]): void {
    const { configuration, verifier } = this.#deps;
    const accepted = blocks.map((block) => acceptKind(block, { configuration: configuration.current, verifier }));
    const unknown = accepted.filter((added) => !this.#isKnown(added));
    if (configuration.addedKinds.length + unknown.length > MAX_ADDED_KINDS)
      throw new Failure<ConfigurationFault>({ code: 'too-large', at: 'kinds' }, 'too many Kinds beside the document');
    for (const added of unknown) {
      if (configuration.current.kinds.every(({ id }) => id !== added.kind.id)) configuration.addKind(added);
    }
  }

  #take(document: Uint8Array, accept: () => SignedConfiguration): void {
    const { configuration, onConfiguration } = this.#deps;
    let signed: SignedConfiguration;
    try {
      signed = accept();
    } catch (error) {
      if (error instanceof Failure && error.code === 'unsupported') {
        // It is kept: a later version of this program may be able to follow it.
        onConfiguration?.(document);
        this.#consequences.exit(error);
      }
      throw error;
    }
    configuration.replace(signed);
    onConfiguration?.(document);
  }

  #isKnown({ kind, signer }: AddedKind): boolean {
    const known = this.#signerOf(kind.id);
    if (known === undefined || known === signer) return known !== undefined;
    throw new Failure<ConfigurationFault>(
      { code: 'signature', at: `Kind ${kind.id}` },
      `Kind ${kind.id} is known here and was signed by ${known}`,
    );
  }

  #signerOf(kind: number): NodeId | undefined {
    const { configuration } = this.#deps;
    const added = configuration.addedKinds.find((candidate) => candidate.kind.id === kind);
    if (added !== undefined) return added.signer;
    const { kindBlocks } = readDocument(configuration.bytes, configuration.current.instanceName);
    const block = kindBlocks.find((candidate) => candidate.kind.id === kind);
    return block === undefined ? undefined : claimedSigner(block);
  }

  #follow(configuration: OverlayConfiguration): void {
    const previous = this.#previous;
    this.#previous = configuration;
    const reason = hasNoPlace(this.#deps, configuration);
    if (reason !== undefined) {
      this.#consequences.exit(reason);
      return;
    }
    this.#closeBadLinks(configuration.badNodes);
    if (previous.sharedSecret !== configuration.sharedSecret) this.#consequences.reenter('another shared-secret');
  }

  #closeBadLinks(badNodes: readonly NodeId[]): void {
    const { links, log } = this.#deps;
    for (const node of links.nodes()) {
      if (!badNodes.includes(node)) continue;
      log.warn('link to a bad node closed', { node });
      links.remove(
        node,
        new Failure({ code: 'certificate', detail: 'bad-node' }, 'the configuration revokes this node'),
      );
    }
  }
}
