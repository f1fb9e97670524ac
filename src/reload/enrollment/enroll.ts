import type { KeyObject } from 'node:crypto';
import { equalBytes, toHex } from '#platform/bytes.ts';
import { Failure } from '#platform/failure.ts';
import { type EnrollmentFault, enrollmentFailure, REFUSAL_TOKENS } from '#reload/enrollment/fault.ts';
import {
  type ConfigurationRequest,
  type FetchDeps,
  type FetchedConfiguration,
  fetchFirstConfiguration,
} from '#reload/enrollment/fetch-configuration.ts';
import { fetchHttps, type HttpsAnswer } from '#reload/enrollment/https-client.ts';
import { generatePrivateKey, type KeyType, publicKeyInfoOf } from '#reload/enrollment/keys.ts';
import { writeForm } from '#reload/enrollment/multipart.ts';
import { makeSelfSignedCertificate } from '#reload/enrollment/self-generated.ts';
import { canonicalUserName } from '#reload/enrollment/user-name.ts';
import { writeCertificateRequest } from '#reload/enrollment/x509-writer.ts';
import { CurrentConfiguration } from '#reload/overlay-config/current-configuration.ts';
import { CertificateVerifier } from '#reload/security/certificate-verifier.ts';
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
      : await requestCertificate(
          deps,
          { ...request, userName },
          { fetched, csr: await writeCertificateRequest(userName, privateKey) },
        );
  const certificate = checkIssued(deps, fetched, { ...wanted, der });
  return { document: fetched.signed.document, root: fetched.root, certificate, privateKey };
}

/** The document's servers in turn, until one decides. */
async function requestCertificate(
  deps: FetchDeps,
  request: EnrollRequest,
  { fetched, csr }: { readonly fetched: FetchedConfiguration; readonly csr: Uint8Array },
): Promise<Uint8Array> {
  const servers = fetched.signed.configuration.enrollmentServers;
  let reason: unknown = enrollmentFailure(
    { code: 'no-server' },
    'The configuration document names no enrollment server.',
  );
  for (const url of servers) {
    try {
      return certificateIn(await post(deps, request, { url, csr, root: fetched.root }));
    } catch (thrown) {
      const { code } = thrown instanceof Failure ? (thrown as Failure<EnrollmentFault>) : { code: undefined };
      if (code === 'refused') throw thrown;
      reason = thrown;
    }
  }
  throw reason;
}

function post(
  deps: FetchDeps,
  request: EnrollRequest,
  to: { readonly url: string; readonly csr: Uint8Array; readonly root: Uint8Array },
): Promise<HttpsAnswer> {
  const prepare = request.prepare ?? ((text) => text);
  const fields = new Map<string, { data: Uint8Array | string; contentType?: string; fileName?: string }>([
    ['username', { data: prepare(request.account ?? request.userName) }],
    ['password', { data: prepare(request.password) }],
    ['csr', { data: to.csr, contentType: 'application/pkcs10', fileName: 'request.p10' }],
  ]);
  if (request.nodeIds !== undefined && request.nodeIds > 1) fields.set('nodeids', { data: String(request.nodeIds) });
  const form = writeForm(`copperring-${toHex(deps.random.bytes(16))}`, fields);
  const host = new URL(to.url).hostname.replace(/^\[(.*)\]$/, '$1');
  return fetchHttps(
    {
      url: to.url,
      method: 'POST',
      headers: { accept: 'application/pkix-cert', 'content-type': form.contentType },
      body: form.body,
      roots: [to.root],
      names: request.overlayNameOnly === true ? [request.overlayName] : [request.overlayName, host],
    },
    deps,
  );
}

function certificateIn(answer: HttpsAnswer): Uint8Array {
  if (answer.status === 200 && answer.contentType === 'application/pkix-cert') return answer.body;
  if (answer.status === 200)
    throw enrollmentFailure(
      { code: 'bad-answer', detail: 'content type' },
      `The enrollment server sent ${JSON.stringify(answer.contentType.slice(0, 80))} instead of a certificate.`,
    );
  const text = Buffer.from(answer.body.subarray(0, 100)).toString('latin1').trim();
  const token = REFUSAL_TOKENS.find((known) => known === text) ?? 'unknown';
  if (answer.status !== 403)
    throw enrollmentFailure({ code: 'http', status: answer.status }, explain('unknown', answer.status));
  throw enrollmentFailure({ code: 'refused', token, status: answer.status }, explain(token, answer.status));
}

function explain(token: (typeof REFUSAL_TOKENS)[number] | 'unknown', status: number): string {
  switch (token) {
    case 'failed_authentication':
      return 'The enrollment server does not accept user and password. Check both, or ask the operator to set the password anew.';
    case 'username_not_available':
      return 'The enrollment server does not give this user name to this account. Ask the operator for the name it stands for.';
    case 'Node-IDs_not_available':
      return 'The enrollment server does not give out so many Node-IDs. Ask for fewer.';
    case 'bad_CSR':
      return 'The enrollment server does not accept the certificate request. Try the other type of key.';
    case 'unknown':
      return `The enrollment server refused for a reason it did not give (status ${status}). Ask the operator.`;
  }
}

/** Chain, shape and overlay by the verifier; then that it is ours (RFC 6940 §11.3). */
function checkIssued(
  deps: FetchDeps,
  fetched: FetchedConfiguration,
  issued: {
    readonly der: Uint8Array;
    readonly userName: string;
    readonly privateKey: KeyObject;
    readonly nodeIds: number;
  },
): Certificate {
  const configuration = new CurrentConfiguration(fetched.signed);
  const certificate = new CertificateVerifier({ clock: deps.clock, configuration }).checkCertificate(issued.der, []);
  const wrong = !equalBytes(publicKeyInfoOf(certificate.publicKey), publicKeyInfoOf(issued.privateKey))
    ? 'another key'
    : certificate.userName !== issued.userName
      ? 'another user name'
      : certificate.nodeIds.length !== issued.nodeIds
        ? 'another number of Node-IDs'
        : undefined;
  if (wrong !== undefined)
    throw enrollmentFailure(
      { code: 'bad-answer', detail: wrong },
      `The enrollment server certified ${wrong} than asked for.`,
    );
  return certificate;
}
