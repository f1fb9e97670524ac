import type { ClientRequest, IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { isIP } from 'node:net';
import {
  checkServerIdentity,
  connect,
  type DetailedPeerCertificate,
  type PeerCertificate,
  rootCertificates,
} from 'node:tls';
import { messageOf } from '#platform/failure.ts';
import { enrollmentFailure } from '#reload/enrollment/fault.ts';
import type { Identity } from '#reload/security/identity.ts';

const MAX_BODY_BYTES = 1_048_576;
const TIMEOUT_MS = 15_000;
const MAX_CHAIN = 8;

/** Where TCP goes, when that is not what the URL says (RFC 6940 §11.2: SRV target and port). */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export interface HttpsRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly endpoint?: Endpoint | undefined;
  /** Trust anchors beside the system's (DER). */
  readonly roots?: readonly Uint8Array[];
  /** Shown to the server as the client's certificate, when it asks. */
  readonly as?: Pick<Identity, 'certificate' | 'chain' | 'privateKey'>;
  /** The server's certificate has to be good for one of these names; by default the URL's host. */
  readonly names?: readonly string[];
}

export interface HttpsAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Uint8Array;
}

export interface HttpsDeps {
  /** Resolves host names; the system's resolver when left out. */
  readonly lookup?: LookupFunction | undefined;
}

/** One request over TLS with the server's certificate checked (RFC 2818). Rejects with `Failure<EnrollmentFault>`; follows no redirect. */
export function fetchHttps(request: HttpsRequest, deps: HttpsDeps = {}): Promise<HttpsAnswer> {
  const url = requireHttps(request.url);
  const names = request.names ?? [hostOf(url)];
  return new Promise((resolve, reject) => {
    const outgoing: ClientRequest = httpsRequest(
      {
        method: request.method,
        path: url.pathname + url.search,
        ...target(url, request.endpoint),
        headers: { ...request.headers, host: url.host, 'content-length': request.body?.length ?? 0 },
        agent: false,
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ca: [...rootCertificates, ...(request.roots ?? []).map(toPem)],
        ...clientCertificate(request.as),
        minVersion: 'TLSv1.2',
        checkServerIdentity: (_host, certificate) => firstMatch(names, certificate),
        ...(deps.lookup === undefined ? {} : { lookup: deps.lookup }),
      },
      (incoming) => readAnswer(incoming).then(resolve, reject),
    );
    outgoing.on('error', (cause) => reject(unreachable(request.url, cause)));
    outgoing.end(request.body);
  });
}

/** The certificates a server presents (DER, its own first). Nothing is sent, nothing is believed. */
export function presentedChain(
  where: { readonly url: string; readonly endpoint?: Endpoint | undefined },
  deps: HttpsDeps = {},
): Promise<readonly Uint8Array[]> {
  const url = requireHttps(where.url);
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...target(url, where.endpoint),
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      ...(deps.lookup === undefined ? {} : { lookup: deps.lookup }),
    });
    const fail = (cause: unknown) => {
      socket.destroy();
      reject(unreachable(where.url, cause));
    };
    socket.setTimeout(TIMEOUT_MS, () => fail(new Error('timed out')));
    socket.on('error', fail);
    socket.on('secureConnect', () => {
      const chain = chainOf(socket.getPeerCertificate(true));
      socket.destroy();
      resolve(chain);
    });
  });
}

export function toPem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function clientCertificate(as: HttpsRequest['as']) {
  if (as === undefined) return {};
  const key = as.privateKey.export({ type: 'pkcs8', format: 'pem' });
  return { key, cert: [as.certificate.der, ...as.chain].map(toPem).join('') };
}

function requireHttps(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:')
    throw enrollmentFailure({ code: 'insecure-url', url: text }, `${text} is no https URL; nothing else is used here.`);
  return url;
}

/** SNI carries a name, never an address (RFC 6066 §3). */
function target(url: URL, endpoint: Endpoint | undefined) {
  const host = hostOf(url);
  const at = endpoint ?? { host, port: url.port === '' ? 443 : Number(url.port) };
  return { host: at.host, port: at.port, servername: isIP(host) === 0 ? host : '' };
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}

function firstMatch(names: readonly string[], certificate: PeerCertificate): Error | undefined {
  let mismatch: Error | undefined = new Error('no name to check the certificate against');
  for (const name of names) {
    mismatch = checkServerIdentity(name, certificate);
    if (mismatch === undefined) return undefined;
  }
  return mismatch;
}

/** The certificates of a handshake (DER), the other end's own first. Nothing has been checked. */
export function chainOf(leaf: DetailedPeerCertificate): readonly Uint8Array[] {
  const chain: Uint8Array[] = [];
  let certificate: Partial<typeof leaf> = leaf;
  while (certificate.raw !== undefined && chain.length < MAX_CHAIN) {
    chain.push(new Uint8Array(certificate.raw));
    const issuer = certificate.issuerCertificate;
    // The last one names itself as its issuer.
    if (issuer === undefined || issuer === certificate) break;
    certificate = issuer;
  }
  return chain;
}

async function readAnswer(incoming: IncomingMessage): Promise<HttpsAnswer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming) {
    if (!Buffer.isBuffer(chunk)) continue;
    length += chunk.length;
    if (length > MAX_BODY_BYTES)
      throw enrollmentFailure(
        { code: 'bad-answer', detail: 'size' },
        `The server's answer exceeds ${MAX_BODY_BYTES} bytes.`,
      );
    chunks.push(chunk);
  }
  const contentType = (incoming.headers['content-type'] ?? '').split(';', 1)[0] ?? '';
  return {
    status: incoming.statusCode ?? 0,
    contentType: contentType.trim().toLowerCase(),
    body: Buffer.concat(chunks),
  };
}

function unreachable(url: string, cause: unknown) {
  const why = messageOf(cause);
  if (isCertificateError(cause))
    return enrollmentFailure(
      { code: 'untrusted-server', url },
      `The certificate of ${url} is not accepted (${why}). Check this machine's clock, the invitation and the name; don't go on if all are right.`,
      cause,
    );
  return enrollmentFailure({ code: 'unreachable', url }, `${url} gave no answer (${why}).`, cause);
}

/** OpenSSL's verification results and Node's name check have such codes; errors of sockets and resolvers have none of the words. */
function isCertificateError(cause: unknown): boolean {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return /CERT|SIGNATURE|ISSUER/.test(code);
}
