import { request } from 'node:https';
import { connect } from 'node:net';
import { systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { ACCOUNTS_NAMESPACE, Accounts } from '#reload/enrollment/accounts.ts';
import { EnrollmentAuthority } from '#reload/enrollment/enrollment-authority.ts';
import { EnrollmentServer } from '#reload/enrollment/enrollment-server.ts';
import { signDocument } from '#reload/enrollment/found-overlay.ts';
import { toPem } from '#reload/enrollment/https-client.ts';
import { generatePrivateKey, privateKeyToPem, publicKeyInfoOf } from '#reload/enrollment/keys.ts';
import { writeServerCertificate } from '#reload/enrollment/x509-writer.ts';
import type { OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import { readDocument } from '#reload/overlay-config/document.ts';
import { memoryStore } from '#store/memory-store.ts';
import { createTestOverlay, type TestOverlay } from '../../support/overlay.ts';

export interface RunningServer {
  readonly overlay: TestOverlay;
  readonly accounts: Accounts;
  readonly port: number;
  /** `https://localhost:port` */
  readonly base: string;
  /** Puts a changed, newly signed document in force. */
  publish(changes: Partial<OverlayConfiguration>): void;
  close(): Promise<void>;
}

export interface ServerChoices {
  /** Names in the certificate of the HTTPS server. */
  readonly dns?: readonly string[];
  readonly configuration?: Partial<OverlayConfiguration>;
}

/** An enrollment server on a free port of the loopback interface, with the account alice@home.example / secret. */
export async function runServer(choices: ServerChoices = {}): Promise<RunningServer> {
  const overlay = await createTestOverlay({
    clock: systemClock,
    ...(choices.configuration && { configuration: choices.configuration }),
  });
  const accounts = new Accounts({ store: memoryStore().namespace(ACCOUNTS_NAMESPACE), random: systemRandom });
  await accounts.add({ account: 'alice@home.example', password: 'secret' });
  const authority = new EnrollmentAuthority(
    { clock: systemClock, accounts, issuer: overlay.root, configuration: overlay.source },
    { overlayName: overlay.name },
  );
  const key = await generatePrivateKey('p-256');
  const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };
  const hosts = { dns: choices.dns ?? ['home.example', 'localhost'], ip: [] };
  const certificate = await writeServerCertificate(hosts, publicKeyInfoOf(key), overlay.root, validity);
  const server = new EnrollmentServer(
    { clock: systemClock, log: silentLogger, authority, configuration: overlay.source },
    {
      certificateChain: toPem(certificate) + toPem(overlay.root.certificate),
      privateKey: privateKeyToPem(key),
      logins: { failures: 5, windowMs: 60_000 },
    },
  );
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const base = `https://localhost:${port}`;
  const publish = (changes: Partial<OverlayConfiguration>) => {
    const configuration = { ...overlay.source.current, ...changes };
    overlay.source.replace(readDocument(signDocument(configuration, overlay.configurationSigner), overlay.name));
  };
  if (choices.configuration?.enrollmentServers === undefined) publish({ enrollmentServers: [`${base}/enroll`] });
  return { overlay, accounts, port, base, publish, close: () => server.close() };
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: Buffer;
}

/** A request by Node's own client, with the root of the overlay as the only authority. */
export function ask(
  server: RunningServer,
  path: string,
  options: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: Uint8Array } = {},
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port: server.port,
        servername: 'home.example',
        path,
        method: options.method ?? 'GET',
        headers: options.headers,
        ca: toPem(server.overlay.root.certificate),
        agent: false,
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () =>
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks) }),
        );
        incoming.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(options.body);
  });
}

/** What a server says to clear text. Resolves when it closes the connection. */
export function askInClear(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
    let heard = '';
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(heard));
  });
}
