import type { KeyObject } from 'node:crypto';
import { checkIssued, requestCertificate } from '#reload/enrollment/certificate-exchange.ts';
import { enrollmentFailure } from '#reload/enrollment/fault.ts';
import {
  type ConfigurationRequest,
  type FetchDeps,
  fetchFirstConfiguration,
} from '#reload/enrollment/fetch-configuration.ts';
import { generatePrivateKey, type KeyType } from '#reload/enrollment/keys.ts';
import { makeSelfSignedCertificate } from '#reload/enrollment/self-generated.ts';
import { canonicalUserName } from '#reload/enrollment/user-name.ts';
import { writeCertificateRequest } from '#reload/enrollment/x509-writer.ts';
import { CurrentConfiguration } from '#reload/overlay-config/current-configuration.ts';
import type { Certificate } from '#reload/security/identity.ts';

export interface EnrollRequest extends ConfigurationRequest {
  /** The name to have in the overlay, such as alice@home.example. */
  readonly userName: string;
  /** Login name; the user name by default. */
  readonly account?: string;
  readonly password: string;
  readonly keyType?: KeyType;
  /** How many Node-IDs to ask for; one by default. */
  readonly nodeIds?: number;
  /** Sent to the server as they are unless the application prepares them (RFC 6940 §11.3 leaves it to the application). */
  readonly prepare?: (text: string) => string;
  /**
   * RFC 6940 §11.3 has the server's certificate match the overlay name. The signed document vouches for the URL as well, so
   * that its host is good enough unless this is true.
   */
  readonly overlayNameOnly?: boolean;
}

/** Everything a member keeps. */
export interface EnrolledMember {
  readonly document: Uint8Array;
  /** The root that was trusted, DER. */
  readonly root: Uint8Array;
  readonly certificate: Certificate;
  readonly privateKey: KeyObject;
}

/**
 * Fetches the document, makes a key, has it certified and checks what came back (RFC 6940 §11.2, §11.3). Rejects with
 * `Failure<EnrollmentFault | ConfigurationFault | CertificateFault>`.
 */
export async function enroll(deps: FetchDeps, request: EnrollRequest): Promise<EnrolledMember> {
  const userName = canonicalUserName(request.userName);
  if (userName === undefined)
    throw enrollmentFailure(
      { code: 'bad-user-name' },
      `${JSON.stringify(request.userName)} is no user name; one looks like alice@home.example.`,
    );
  const fetched = await fetchFirstConfiguration(deps, request);
  const privateKey = await generatePrivateKey(request.keyType ?? 'p-256');
  const wanted = { userName, privateKey, nodeIds: request.nodeIds ?? 1 };
  const { configuration } = fetched.signed;
  // With both ways open the server is preferred: only it protects names (RFC 6940 §11.3.1).
  const der =
    configuration.enrollmentServers.length === 0
      ? await makeSelfSignedCertificate(deps.clock, configuration, wanted)
      : await requestCertificate(deps, {
          configuration,
          roots: [fetched.root],
          fields: fieldsOf(request, userName),
          csr: await writeCertificateRequest(userName, privateKey),
          overlayNameOnly: request.overlayNameOnly === true,
        });
  const certificate = checkIssued(deps, new CurrentConfiguration(fetched.signed), { ...wanted, der });
  return { document: fetched.signed.document, root: fetched.root, certificate, privateKey };
}

function fieldsOf(request: EnrollRequest, userName: string): ReadonlyMap<string, string> {
  const prepare = request.prepare ?? ((text) => text);
  const fields = new Map([
    ['username', prepare(request.account ?? userName)],
    ['password', prepare(request.password)],
  ]);
  if (request.nodeIds !== undefined && request.nodeIds > 1) fields.set('nodeids', String(request.nodeIds));
  return fields;
}
