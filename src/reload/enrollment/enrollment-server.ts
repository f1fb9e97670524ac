import { isUtf8 } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Clock } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import { type Logger, printable } from '#platform/log.ts';
import type { EnrollmentAuthority, EnrollmentRequest } from '#reload/enrollment/enrollment-authority.ts';
import { type EnrollmentRefusal, REFUSAL_TOKENS, type RefusalToken } from '#reload/enrollment/fault.ts';
import { chainOf } from '#reload/enrollment/https-client.ts';
import { LoginLimiter, type LoginLimits } from '#reload/enrollment/login-limiter.ts';
import { readForm } from '#reload/enrollment/multipart.ts';
import type { ConfigurationSource } from '#reload/overlay-config/configuration.ts';
import { CertificateVerifier } from '#reload/security/certificate-verifier.ts';
import type { Certificate } from '#reload/security/identity.ts';

/** RFC 6940 §11.2, §14.1. */
export const CONFIGURATION_PATH = '/.well-known/reload-config';
export const ENROLLMENT_PATH = '/enroll';

const SERVER_LIMITS = {
  connections: 64,
  bodyBytes: 65_536,
  /** Requests whose password is being checked; each takes 16 MiB. */
  enrollmentsAtOnce: 4,
  requestMs: 15_000,
} as const;

export interface EnrollmentServerDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly authority: EnrollmentAuthority;
  readonly configuration: ConfigurationSource;
  /** Called before each request, to follow changes of the overlay; resolves with the server's own new key and certificate, if new. */
  readonly follow?: () => Promise<ServerCredentials | undefined>;
}

export interface ServerCredentials {
  /** PEM; the chain ends with the overlay's root, so that an invitation's hash can be found in it. */
  readonly certificateChain: string;
  readonly privateKey: string;
}

export interface EnrollmentServerOptions extends ServerCredentials {
  readonly logins?: LoginLimits;
}

/** Serves the configuration document and the certificate request protocol over HTTPS, and nothing in clear text (RFC 6940 §11.2, §11.3). */
export class EnrollmentServer {
  readonly #deps: EnrollmentServerDeps;
  readonly #server: Server;
  readonly #limiter: LoginLimiter;
  readonly #verifier: CertificateVerifier;
  #busy = 0;

  constructor(deps: EnrollmentServerDeps, options: EnrollmentServerOptions) {
    this.#deps = deps;
    this.#limiter = new LoginLimiter(deps, options.logins);
    this.#verifier = new CertificateVerifier(deps);
    this.#server = createServer(
      {
        cert: options.certificateChain,
        key: options.privateKey,
        minVersion: 'TLSv1.2',
        // Members show theirs to renew it; it is checked against the overlay's document, not by OpenSSL.
        requestCert: true,
        rejectUnauthorized: false,
        requestTimeout: SERVER_LIMITS.requestMs,
        headersTimeout: SERVER_LIMITS.requestMs,
        maxHeaderSize: 16_384,
      },
      (request, response) => this.#handle(request, response),
    );
    this.#server.maxConnections = SERVER_LIMITS.connections;
    this.#server.on('tlsClientError', (error) =>
      deps.log.debug('handshake failed', { reason: printable(error.message) }),
    );
  }

  /** Resolves with the port taken once connections are accepted. */
  listen(at: {
    readonly host: string;
    readonly port: number;
  }): Promise<{ readonly host: string; readonly port: number }> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(at.port, at.host, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) => this.#deps.log.error('server failed', { reason: error.message }));
        resolve({ host: at.host, port: (this.#server.address() as AddressInfo).port });
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    this.#answer(request).then(
      (answer) => send(response, answer),
      (reason: unknown) => {
        this.#deps.log.warn('request failed', { reason: printable(messageOf(reason)) });
        send(response, text(500, 'internal error'));
      },
    );
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const renewed = await this.#deps.follow?.();
    if (renewed !== undefined)
      this.#server.setSecureContext({ cert: renewed.certificateChain, key: renewed.privateKey, minVersion: 'TLSv1.2' });
    const path = (request.url ?? '').split('?', 1)[0];
    if (path === CONFIGURATION_PATH) return this.#configuration(request);
    if (path === ENROLLMENT_PATH) return this.#enrollment(request);
    return text(404, 'not found');
  }

  #configuration(request: IncomingMessage): Answer {
    if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, 'GET only', { allow: 'GET, HEAD' });
    // Whoever reads the secret is in (RFC 6940 §14.16): such a document is handed out by other means.
    if (this.#deps.configuration.current.sharedSecret !== undefined) return text(403, 'not public');
    return { status: 200, type: 'application/p2p-overlay+xml', body: this.#deps.configuration.bytes, headers: {} };
  }

  async #enrollment(request: IncomingMessage): Promise<Answer> {
    if (request.method !== 'POST') return text(405, 'POST only', { allow: 'POST' });
    if (this.#busy >= SERVER_LIMITS.enrollmentsAtOnce) return text(503, 'busy', { 'retry-after': '2' });
    this.#busy += 1;
    try {
      const body = await readBody(request);
      if (body === undefined) return text(413, 'too large', { connection: 'close' });
      const form = readForm(request.headers['content-type'] ?? '', body);
      if (form === undefined) return text(415, 'multipart/form-data is wanted');
      const address = request.socket.remoteAddress ?? '';
      const enrolling = requestOf(form);
      // Neither name nor password: the member's certificate says who asks (RFC 6940 §11.3 wants them only "if required").
      if (enrolling.account === '' && enrolling.password === '' && request.socket instanceof TLSSocket)
        return await this.#renew(request.socket, enrolling.certificateRequest);
      return await this.#enroll(enrolling, address);
    } finally {
      this.#busy -= 1;
    }
  }

  async #enroll(request: EnrollmentRequest, address: string): Promise<Answer> {
    const keys = [`address ${address}`, `account ${request.account}`];
    const about = { account: printable(request.account, 80), address };
    if (this.#limiter.isBlocked(...keys)) {
      this.#deps.log.warn('too many failed logins', about);
      return text(403, 'failed_authentication', { 'retry-after': '60' });
    }
    return this.#issue(about, () => this.#deps.authority.enroll(request), keys);
  }

  /** The handshake has proved that the other end has the key of the certificate it showed. */
  #renew(socket: TLSSocket, certificateRequest: Uint8Array): Promise<Answer> {
    const address = socket.remoteAddress ?? '';
    let member: Certificate | undefined;
    try {
      const [own, ...issuers] = socket.isSessionReused() ? [] : chainOf(socket.getPeerCertificate(true));
      if (own !== undefined) member = this.#verifier.checkCertificate(own, issuers);
    } catch (reason) {
      this.#deps.log.info('renewal refused', { address, reason: printable(messageOf(reason)) });
    }
    if (member === undefined) return Promise.resolve(text(403, 'failed_authentication'));
    const about = { account: printable(member.userName, 80), address };
    const renewing = { member, certificateRequest };
    return this.#issue(about, () => this.#deps.authority.renew(renewing), []);
  }

  async #issue(
    about: { readonly account: string; readonly address: string },
    issue: () => Promise<Uint8Array>,
    limited: readonly string[],
  ): Promise<Answer> {
    try {
      const certificate = await issue();
      this.#deps.log.info('certificate issued', about);
      return { status: 200, type: 'application/pkix-cert', body: certificate, headers: {} };
    } catch (reason) {
      const token = tokenOf(reason);
      if (token === undefined) throw reason;
      if (token === 'failed_authentication') this.#limiter.failed(...limited);
      this.#deps.log.info('enrollment refused', { ...about, token, reason: printable(messageOf(reason)) });
      return text(403, token);
    }
  }
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

function text(status: number, body: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, type: 'text/plain', body: Buffer.from(body), headers };
}

function send(response: ServerResponse, answer: Answer): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(answer.status, {
    ...answer.headers,
    'content-type': answer.type,
    'content-length': answer.body.length,
    'cache-control': 'no-store',
  });
  response.end(answer.body);
}

/** Undefined when the body exceeds the limit. */
async function readBody(request: IncomingMessage): Promise<Uint8Array | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  // The stream is left alone when the limit is reached, so that the answer still gets out.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    if (!Buffer.isBuffer(chunk)) continue;
    length += chunk.length;
    if (length > SERVER_LIMITS.bodyBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function requestOf(form: NonNullable<ReturnType<typeof readForm>>): EnrollmentRequest {
  const field = (name: string) => {
    const part = form.get(name);
    return part === undefined || !isUtf8(part.data) ? undefined : Buffer.from(part.data).toString('utf8');
  };
  return {
    account: field('username') ?? '',
    password: field('password') ?? '',
    nodeIds: field('nodeids'),
    certificateRequest: form.get('csr')?.data ?? new Uint8Array(),
  };
}

function tokenOf(reason: unknown): RefusalToken | undefined {
  if (!(reason instanceof Failure)) return undefined;
  const { code } = reason as Failure<EnrollmentRefusal>;
  return REFUSAL_TOKENS.find((token) => token === code);
}
