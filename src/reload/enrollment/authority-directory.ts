import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import { enrollmentFailure } from '#reload/enrollment/fault.ts';
import { type FoundedOverlay, validityFrom } from '#reload/enrollment/found-overlay.ts';
import { toPem } from '#reload/enrollment/https-client.ts';
import { certificatesInPem, saveMember } from '#reload/enrollment/identity-directory.ts';
import { generatePrivateKey, privateKeyToPem, publicKeyInfoOf } from '#reload/enrollment/keys.ts';
import { makePrivateDirectory, writePrivateFile } from '#reload/enrollment/private-files.ts';
import { type Issuer, writeServerCertificate } from '#reload/enrollment/x509-writer.ts';
import { CurrentConfiguration } from '#reload/overlay-config/current-configuration.ts';
import { readDocument } from '#reload/overlay-config/document.ts';

const AUTHORITY_FILE = 'authority.pem';
const SERVER_FILE = 'server.pem';
export const SIGNER_DIRECTORY = 'configuration-signer';
export const DOCUMENT_FILE = 'overlay.relo';
/** What the enrollment role reads. */
export const AUTHORITY_FILES = [AUTHORITY_FILE, SERVER_FILE, DOCUMENT_FILE] as const;

/** What the enrollment role needs of an overlay's directory. */
export interface StoredAuthority {
  readonly overlayName: string;
  readonly issuer: Issuer;
  readonly configuration: CurrentConfiguration;
  /** PEM: the HTTPS server's key, and its certificate followed by the root. */
  readonly serverKey: string;
  readonly serverChain: string;
}

export interface ServerOptions {
  readonly clock: Clock;
  /** DNS names and IP addresses by which the HTTPS server is reached. */
  readonly hosts: readonly string[];
  readonly validityDays: number;
}

/** Stores an overlay at its operator's: the authority, the configuration signer, the HTTPS server's certificate and the document. */
export async function saveAuthority(directory: string, founded: FoundedOverlay, options: ServerOptions): Promise<void> {
  const { root, configurationSigner, document } = founded;
  await makePrivateDirectory(directory);
  await saveIssuer(directory, root);
  await saveMember(join(directory, SIGNER_DIRECTORY), { ...configurationSigner, document, root: root.certificate });
  const { instanceName } = founded.configuration;
  await saveServer(directory, root, { ...options, hosts: [...new Set([instanceName, ...options.hosts])] });
  // The document comes last: where it is, the rest is.
  await writePrivateFile(directory, DOCUMENT_FILE, document);
}

/** Rejects with `Failure<EnrollmentFault>` (bad-identity) or `Failure<ConfigurationFault>`. */
export async function loadAuthority(directory: string): Promise<StoredAuthority> {
  const authority = await readPem(join(directory, AUTHORITY_FILE));
  const server = await readPem(join(directory, SERVER_FILE));
  const signed = readDocument(await read(join(directory, DOCUMENT_FILE)));
  const [certificate] = certificatesInPem(authority);
  if (certificate === undefined) throw broken(join(directory, AUTHORITY_FILE), 'it holds no certificate');
  return {
    overlayName: signed.configuration.instanceName,
    issuer: { certificate, privateKey: createPrivateKey(authority) },
    configuration: new CurrentConfiguration(signed),
    serverKey: createPrivateKey(server).export({ type: 'pkcs8', format: 'pem' }).toString(),
    serverChain: certificatesInPem(server).map(toPem).join(''),
  };
}

/** The key and certificate that issue from now on. */
export async function saveIssuer(directory: string, issuer: Issuer): Promise<void> {
  await writePrivateFile(directory, AUTHORITY_FILE, issuerToPem(issuer));
}

export function issuerToPem({ privateKey, certificate }: Issuer): string {
  return privateKeyToPem(privateKey) + toPem(certificate);
}

/** Makes the HTTPS server's key and certificate, good for `hosts`; RFC 6940 §11.3 wants the overlay name among them. */
export async function saveServer(
  directory: string,
  root: Issuer,
  { clock, hosts, validityDays }: ServerOptions,
): Promise<void> {
  const key = await generatePrivateKey('p-256');
  const certificate = await writeServerCertificate(
    { dns: hosts.filter((name) => isIP(name) === 0), ip: hosts.filter((name) => isIP(name) !== 0) },
    publicKeyInfoOf(key),
    root,
    validityFrom(clock, validityDays),
  );
  const chain = toPem(certificate) + toPem(root.certificate);
  await writePrivateFile(directory, SERVER_FILE, privateKeyToPem(key) + chain);
}

async function readPem(path: string): Promise<string> {
  return Buffer.from(await read(path)).toString('latin1');
}

async function read(path: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (cause) {
    throw broken(path, messageOf(cause), cause);
  }
}

function broken(path: string, why: string, cause?: unknown) {
  return enrollmentFailure(
    { code: 'bad-identity', path },
    `${path} can't be read (${why}). Is it a directory made by "copperring overlay create"?`,
    cause,
  );
}
