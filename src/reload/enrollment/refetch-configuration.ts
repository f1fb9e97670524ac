import { type FetchDeps, fetchFirstConfiguration } from '#reload/enrollment/fetch-configuration.ts';
import { fetchNewerDocument } from '#reload/enrollment/renew.ts';
import type { ConfigurationSource } from '#reload/overlay-config/configuration.ts';

/**
 * The overlay's document as a new member gets it today, for a member whose own can't be brought up to date any more (RFC 6940 §6.5.4.2):
 * from the enrollment servers it knows, else from the configuration server that DNS names. Whoever adopts it has to check it. Undefined
 * when there is none newer; rejects with `Failure<EnrollmentFault | ConfigurationFault>` when none can be had.
 */
export async function refetchConfiguration(
  deps: FetchDeps,
  configuration: Pick<ConfigurationSource, 'current'>,
): Promise<Uint8Array | undefined> {
  const { instanceName, enrollmentServers, rootCerts } = configuration.current;
  if (enrollmentServers.length > 0) return fetchNewerDocument(deps, configuration);
  let reason: unknown;
  for (const certificate of rootCerts) {
    try {
      const fetched = await fetchFirstConfiguration(deps, { overlayName: instanceName, trust: { certificate } });
      return fetched.signed.document;
    } catch (thrown) {
      reason ??= thrown;
    }
  }
  if (reason !== undefined) throw reason;
  return undefined;
}
