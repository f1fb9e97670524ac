import type { Clock } from '#platform/clock.ts';
import type { Logger } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import { TlsTransport, type TlsTransportOptions } from '#reload/link/tls/tls-transport.ts';
import { LocalSearch, type LocalSearchOptions } from '#reload/node/bootstrap/local-search.ts';
import type { ExitReason } from '#reload/node/membership.ts';
import type { ReloadNodeOptions } from '#reload/node/options.ts';
import { ReloadNode } from '#reload/node/reload-node.ts';
import type { CurrentConfiguration } from '#reload/overlay-config/current-configuration.ts';
import { CertificateVerifier } from '#reload/security/certificate-verifier.ts';
import type { Identity, Signer } from '#reload/security/identity.ts';
import { createSigner } from '#reload/security/signer.ts';
import { KindRegistry } from '#reload/storage/kind-registry.ts';
import { ACCESS_POLICIES, BUILT_IN_KINDS } from '#reload/usages/kinds.ts';
import type { KeyValueStore } from '#store/key-value-store.ts';

export interface NodeDeps {
  readonly identity: Identity;
  readonly configuration: CurrentConfiguration;
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Told of each newer configuration document that the overlay brought, to keep it. */
  readonly onConfiguration?: (document: Uint8Array) => void;
  /** See `ReloadNodeDeps`. */
  readonly fetchConfiguration?: (signal: AbortSignal) => Promise<Uint8Array | undefined>;
  readonly onExit?: (reason: ExitReason) => void;
}

export interface NodeOptions extends ReloadNodeOptions {
  readonly tls?: TlsTransportOptions;
  /** How peers near by are looked for; by default not at all. */
  readonly localSearch?: LocalSearchOptions;
}

/** A node as a process runs it: over TLS, with every Kind that this program and the configuration know. It is not started. */
export function createReloadNode(deps: NodeDeps, options: NodeOptions): ReloadNode {
  const { configuration, log } = deps;
  const verifier = new CertificateVerifier(deps);
  const kinds = new KindRegistry({ configuration, builtIn: BUILT_IN_KINDS, policies: ACCESS_POLICIES, log });
  const openTransport = (identity: Identity) => new TlsTransport({ ...deps, identity, verifier }, options.tls);
  const { localSearch } = options;
  const openLocalWays = (signer: Signer) =>
    localSearch === undefined
      ? { finders: [], announce: async () => {}, close: async () => {} }
      : new LocalSearch({ ...deps, verifier, signer }, localSearch);
  return new ReloadNode({ ...deps, verifier, kinds, createSigner, openTransport, openLocalWays }, options);
}
