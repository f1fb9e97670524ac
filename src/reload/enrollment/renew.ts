import type { KeyObject } from 'node:crypto';
import { Failure } from '#platform/failure.ts';
import { checkIssued, requestCertificate, serverNames } from '#reload/enrollment/certificate-exchange.ts';
import { CONFIGURATION_PATH } from '#reload/enrollment/enrollment-server.ts';
import { enrollmentFailure } from '#reload/enrollment/fault.ts';
import type { FetchDeps } from '#reload/enrollment/fetch-configuration.ts';
import { fetchHttps } from '#reload/enrollment/https-client.ts';
import { generatePrivateKey } from '#reload/enrollment/keys.ts';
import { makeSelfSignedCertificate } from '#reload/enrollment/self-generated.ts';
import { writeCertificateRequest } from '#reload/enrollment/x509-writer.ts';
import type { ConfigurationSource } from '#reload/overlay-config/configuration.ts';
import { isNewerSequence } from '#reload/overlay-config/current-configuration.ts';
import { readDocument } from '#reload/overlay-config/document.ts';
import type { Certificate, Identity } from '#reload/security/identity.ts';

export type RenewDeps = Omit<FetchDeps, 'resolveSrv'>;

export interface RenewRequest {
  /** The certificate to renew, which has to be valid still unless nobody else issues it, and its key. */
  readonly identity: Pick<Identity, 'certificate' | 'chain' | 'privateKey'>;
  /** The document in force. */
  readonly configuration: ConfigurationSource;
  /** By default a renewed certificate gets a new key. Node-IDs made from a key keep it in any case. */
  readonly keepKey?: boolean;
}

export interface Renewed {
  readonly certificate: Certificate;
  readonly privateKey: KeyObject;
}

/**
 * Has a certificate renewed: same user name, same Node-IDs, new dates, as a rule a new key. The present certificate, shown in the TLS
 * handshake with the enrollment server, says who asks; no password is needed. Rejects with `Failure<EnrollmentFault | CertificateFault>`.
 */
export async function renewCertificate(deps: RenewDeps, request: RenewRequest): Promise<Renewed> {
  const { identity, configuration } = request;
  const { certificate } = identity;
  const { userName, nodeIds } = certificate;
  const { current } = configuration;
  const isSelfMade = current.enrollmentServers.length === 0;
  if (!isSelfMade && deps.clock.now() > certificate.notAfter)
    throw enrollmentFailure(
      { code: 'expired', notAfter: certificate.notAfter },
      `The certificate of ${userName} ended at ${new Date(certificate.notAfter).toISOString()}: too late to renew it. Enroll again with the password.`,
    );
  const keeps = isSelfMade || request.keepKey === true;
  const type = identity.privateKey.asymmetricKeyType === 'rsa' ? 'rsa-2048' : 'p-256';
  const privateKey = keeps ? identity.privateKey : await generatePrivateKey(type);
  const der = isSelfMade
    ? await makeSelfSignedCertificate(deps.clock, current, { userName, privateKey, nodeIds: nodeIds.length })
    : await requestCertificate(deps, {
        configuration: current,
        roots: current.rootCerts,
        csr: await writeCertificateRequest(userName, privateKey),
        fields: new Map(),
        as: identity,
        overlayNameOnly: false,
      });
  return { certificate: checkIssued(deps, configuration, { der, userName, nodeIds, privateKey }), privateKey };
}

/**
 * The overlay's document as its enrollment servers have it, if that is newer than the one in force. It is not checked: whoever adopts
 * it does that. Undefined when there is none newer or no server answers.
 */
export async function fetchNewerDocument(
  deps: RenewDeps,
  { current }: Pick<ConfigurationSource, 'current'>,
): Promise<Uint8Array | undefined> {
  const { instanceName, enrollmentServers, rootCerts } = current;
  for (const server of enrollmentServers) {
    try {
      const url = new URL(CONFIGURATION_PATH, server).href;
      const names = serverNames(instanceName, url);
      const { status, body } = await fetchHttps({ url, method: 'GET', roots: rootCerts, names }, deps);
      if (status !== 200) continue;
      const { sequence } = readDocument(body, instanceName).configuration;
      return isNewerSequence(sequence, current.sequence) ? body : undefined;
    } catch (thrown) {
      // The next server may have a proper one.
      if (!(thrown instanceof Failure)) throw thrown;
    }
  }
  return undefined;
}
