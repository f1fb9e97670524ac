import type { KeyObject } from 'node:crypto';
import { equalBytes, toHex } from '#platform/bytes.ts';
import type { Clock } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { Random } from '#platform/random.ts';
import { type EnrollmentFault, enrollmentFailure, REFUSAL_TOKENS } from '#reload/enrollment/fault.ts';
import { fetchHttps, type HttpsAnswer, type HttpsDeps } from '#reload/enrollment/https-client.ts';
import { publicKeyInfoOf } from '#reload/enrollment/keys.ts';
import { writeForm } from '#reload/enrollment/multipart.ts';
import type { ConfigurationSource, OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import { CertificateVerifier } from '#reload/security/certificate-verifier.ts';
import type { Certificate, Identity } from '#reload/security/identity.ts';

/** One request for a certificate (RFC 6940 §11.3), whatever says who asks. */
export interface CertificateExchange {
  /** Its enrollment servers are asked. */
  readonly configuration: OverlayConfiguration;
  /** Trust anchors for the server's certificate (DER), beside the system's. */
  readonly roots: readonly Uint8Array[];
  readonly csr: Uint8Array;
  /** Form fields beside the request: name, password, number of Node-IDs. */
  readonly fields: ReadonlyMap<string, string>;
  /** Who asks, when that is shown by a certificate. */
  readonly as?: Pick<Identity, 'certificate' | 'chain' | 'privateKey'>;
  /**
   * RFC 6940 §11.3 has the server's certificate match the overlay name. The signed document vouches for the URL as well, so
   * that its host is good enough unless this is true.
   */
  readonly overlayNameOnly: boolean;
}

export interface ExchangeDeps extends HttpsDeps {
  readonly random: Random;
}

/** The document's servers in turn, until one decides. A certificate (DER), not checked yet. Rejects with `Failure<EnrollmentFault>`. */
export async function requestCertificate(deps: ExchangeDeps, exchange: CertificateExchange): Promise<Uint8Array> {
  let reason: unknown = enrollmentFailure(
    { code: 'no-server' },
    'The configuration document names no enrollment server.',
  );
  for (const url of exchange.configuration.enrollmentServers) {
    try {
      return certificateIn(await post(deps, exchange, url), exchange.as !== undefined);
    } catch (thrown) {
      const { code } = thrown instanceof Failure ? (thrown as Failure<EnrollmentFault>) : { code: undefined };
      if (code === 'refused') throw thrown;
      reason = thrown;
    }
  }
  throw reason;
}

/** Names that the certificate of the server at `url` may have. */
export function serverNames(overlayName: string, url: string, overlayNameOnly = false): readonly string[] {
  const host = new URL(url).hostname.replace(/^\[(.*)\]$/, '$1');
  return overlayNameOnly ? [overlayName] : [overlayName, host];
}

function post(deps: ExchangeDeps, exchange: CertificateExchange, url: string): Promise<HttpsAnswer> {
  const { configuration, csr, roots, as, overlayNameOnly } = exchange;
  const fields = new Map<string, { data: Uint8Array | string; contentType?: string; fileName?: string }>();
  for (const [name, data] of exchange.fields) fields.set(name, { data });
  fields.set('csr', { data: csr, contentType: 'application/pkcs10', fileName: 'request.p10' });
  const form = writeForm(`copperring-${toHex(deps.random.bytes(16))}`, fields);
  return fetchHttps(
    {
      url,
      method: 'POST',
      headers: { accept: 'application/pkix-cert', 'content-type': form.contentType },
      body: form.body,
      roots,
      names: serverNames(configuration.instanceName, url, overlayNameOnly),
      ...(as === undefined ? {} : { as }),
    },
    deps,
  );
}

function certificateIn(answer: HttpsAnswer, isRenewal: boolean): Uint8Array {
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
  const why = isRenewal ? explainRenewal(token, answer.status) : explain(token, answer.status);
  throw enrollmentFailure({ code: 'refused', token, status: answer.status }, why);
}

type Token = (typeof REFUSAL_TOKENS)[number] | 'unknown';

function explain(token: Token, status: number): string {
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

function explainRenewal(token: Token, status: number): string {
  switch (token) {
    case 'failed_authentication':
      return 'The enrollment server does not renew by this certificate. Enroll again with the password.';
    case 'username_not_available':
      return 'The enrollment server gives this user no certificate any more. Ask the operator.';
    case 'Node-IDs_not_available':
      return 'The enrollment server gives out this Node-ID no more: it is listed as a bad node. Ask the operator.';
    default:
      return explain(token, status);
  }
}

/** What was asked for. */
export interface Wanted {
  readonly userName: string;
  readonly privateKey: KeyObject;
  /** How many, or the very ones. */
  readonly nodeIds: number | readonly string[];
}

/**
 * Chain, shape and overlay by the verifier; then that it is ours (RFC 6940 §11.3). Throws
 * `Failure<EnrollmentFault | CertificateFault>`.
 */
export function checkIssued(
  deps: { readonly clock: Clock },
  configuration: ConfigurationSource,
  issued: Wanted & { readonly der: Uint8Array },
): Certificate {
  const certificate = new CertificateVerifier({ clock: deps.clock, configuration }).checkCertificate(issued.der, []);
  const wrong = !equalBytes(publicKeyInfoOf(certificate.publicKey), publicKeyInfoOf(issued.privateKey))
    ? 'another key'
    : certificate.userName !== issued.userName
      ? 'another user name'
      : wrongNodeIds(certificate.nodeIds, issued.nodeIds);
  if (wrong !== undefined)
    throw enrollmentFailure(
      { code: 'bad-answer', detail: wrong },
      `The enrollment server certified ${wrong} than asked for.`,
    );
  return certificate;
}

function wrongNodeIds(found: readonly string[], wanted: Wanted['nodeIds']): string | undefined {
  if (typeof wanted === 'number') return found.length === wanted ? undefined : 'another number of Node-IDs';
  const same = found.length === wanted.length && found.every((nodeId, i) => nodeId === wanted[i]);
  return same ? undefined : 'other Node-IDs';
}
