import { resolveSrv } from 'node:dns/promises';
import type { Clock } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import type { StoredMember } from '#reload/enrollment/identity-directory.ts';
import { refetchConfiguration } from '#reload/enrollment/refetch-configuration.ts';
import { createReloadNode, type NodeOptions } from '#reload/node/create-node.ts';
import type { ExitReason } from '#reload/node/membership.ts';
import type { ReloadNode } from '#reload/node/reload-node.ts';
import { CurrentConfiguration } from '#reload/overlay-config/current-configuration.ts';
import type { KeyValueStore } from '#store/key-value-store.ts';

export interface OpenNodeDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly store: KeyValueStore;
  /** Told of each newer configuration document that the overlay brought, to keep it. */
  readonly onConfiguration?: (document: Uint8Array) => void;
  /** Told when the node has left the overlay because it can't be a member under a new document. */
  readonly onExit?: (reason: ExitReason) => void;
}

export interface OpenNodeOptions extends NodeOptions {
  /** Seconds, in place of the document's values; for rings that have to settle fast. */
  readonly chordUpdateInterval?: number | undefined;
  readonly chordPingInterval?: number | undefined;
}

/** A node of this machine and what it works by: TLS links on real sockets, all Kinds this program knows. */
export interface OpenedNode {
  readonly node: ReloadNode;
  readonly configuration: CurrentConfiguration;
}

/** Puts a node together for a member's first identity. Nothing is opened before `node.start`. */
export function openNode(deps: OpenNodeDeps, member: StoredMember, options: OpenNodeOptions): OpenedNode {
  const [identity] = member.identities;
  if (identity === undefined) {
    throw new Failure({ code: 'no-identity' }, `the certificate of ${member.userName} holds no Node-ID; enroll again`);
  }
  const configuration = withIntervals(member.configuration, options);
  const fetchConfiguration = () => refetchConfiguration({ ...deps, resolveSrv }, configuration);
  return { node: createReloadNode({ ...deps, identity, configuration, fetchConfiguration }, options), configuration };
}

function withIntervals(configuration: CurrentConfiguration, options: OpenNodeOptions): CurrentConfiguration {
  const { chordUpdateInterval, chordPingInterval } = options;
  if (chordUpdateInterval === undefined && chordPingInterval === undefined) return configuration;
  const { current, bytes } = configuration;
  return new CurrentConfiguration({ configuration: current, document: bytes }, (document) => ({
    ...document,
    chordUpdateInterval: chordUpdateInterval ?? document.chordUpdateInterval,
    chordPingInterval: chordPingInterval ?? document.chordPingInterval,
  }));
}
