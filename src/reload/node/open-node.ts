import type { Clock } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import type { StoredMember } from '#reload/enrollment/identity-directory.ts';
import { TlsTransport, type TlsTransportOptions } from '#reload/link/tls/tls-transport.ts';
import type { ReloadNodeOptions } from '#reload/node/options.ts';
import { ReloadNode } from '#reload/node/reload-node.ts';
import { CurrentConfiguration } from '#reload/overlay-config/current-configuration.ts';
import { CertificateVerifier } from '#reload/security/certificate-verifier.ts';
import { createSigner } from '#reload/security/signer.ts';
import { KindRegistry } from '#reload/storage/kind-registry.ts';
import { ACCESS_POLICIES, BUILT_IN_KINDS } from '#reload/usages/kinds.ts';
import type { KeyValueStore } from '#store/key-value-store.ts';

export interface OpenNodeDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly store: KeyValueStore;
  /** Told of each newer configuration document that the overlay brought, to keep it. */
  readonly onConfiguration?: (document: Uint8Array) => void;
}

export interface OpenNodeOptions extends ReloadNodeOptions {
  readonly tls?: TlsTransportOptions;
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
  const { clock, log } = deps;
  const configuration = withIntervals(member.configuration, options);
  const verifier = new CertificateVerifier({ clock, configuration });
  const node = new ReloadNode(
    {
      ...deps,
      identity,
      verifier,
      configuration,
      kinds: new KindRegistry({ configuration, builtIn: BUILT_IN_KINDS, policies: ACCESS_POLICIES, log }),
      createSigner,
      openTransport: (own) => new TlsTransport({ ...deps, identity: own, verifier, configuration }, options.tls),
    },
    options,
  );
  return { node, configuration };
}

function withIntervals(configuration: CurrentConfiguration, options: OpenNodeOptions): CurrentConfiguration {
  const { chordUpdateInterval, chordPingInterval } = options;
  if (chordUpdateInterval === undefined && chordPingInterval === undefined) return configuration;
  const { current, bytes } = configuration;
  return new CurrentConfiguration({
    configuration: {
      ...current,
      chordUpdateInterval: chordUpdateInterval ?? current.chordUpdateInterval,
      chordPingInterval: chordPingInterval ?? current.chordPingInterval,
    },
    document: bytes,
  });
}
