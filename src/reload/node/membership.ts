import { Failure } from '#platform/failure.ts';
import type { OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import type { CertificateFault } from '#reload/security/fault.ts';
import type { Identity, Verifier } from '#reload/security/identity.ts';
import type { TopologyFault } from '#reload/topology/chord/core.ts';

/** Why a node leaves the overlay for good. */
export type ExitReason = Failure<{ readonly code: string }>;

export interface MembershipDeps {
  readonly identity: Identity;
  readonly verifier: Verifier;
  /** A client that lives in a peer's process is no client of the overlay by choice, so it counts as `hosted`. */
  readonly mode: 'peer' | 'client' | 'hosted';
}

/** Dates are left out: a clock may be wrong, and a certificate may be renewed, without the overlay having changed. */
const DATES: ReadonlySet<string> = new Set<CertificateFault['code']>(['expired', 'not-yet-valid']);

/** Why a node can't be a member of an overlay under this configuration; undefined when it can. */
export function hasNoPlace(
  { identity, verifier, mode }: MembershipDeps,
  configuration: OverlayConfiguration,
): ExitReason | undefined {
  if (mode === 'client' && !configuration.clientsPermitted) {
    const detail = 'this overlay permits no clients; run as a peer';
    return new Failure<TopologyFault>({ code: 'clients-not-permitted' }, detail);
  }
  const { nodeId, certificate, chain } = identity;
  if (!certificate.nodeIds.includes(nodeId)) {
    const fault = { code: 'node-id-mismatch', nodeId } as const;
    return new Failure<CertificateFault>(
      fault,
      `the certificate of ${certificate.userName} is not one of node ${nodeId}`,
    );
  }
  try {
    verifier.checkCertificate(certificate.der, chain);
  } catch (error) {
    if (error instanceof Failure && !DATES.has(error.fault.code)) return error;
  }
  return undefined;
}
