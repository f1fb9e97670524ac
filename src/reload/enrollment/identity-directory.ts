import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { equalBytes } from '#platform/bytes.ts';
import { messageOf } from '#platform/failure.ts';
import type { EnrolledMember } from '#reload/enrollment/enroll.ts';
import { enrollmentFailure } from '#reload/enrollment/fault.ts';
import { toPem } from '#reload/enrollment/https-client.ts';
import { privateKeyToPem, publicKeyInfoOf } from '#reload/enrollment/keys.ts';
import { makePrivateDirectory, writePrivateFile } from '#reload/enrollment/private-files.ts';
import { CurrentConfiguration } from '#reload/overlay-config/current-configuration.ts';
import { readDocument } from '#reload/overlay-config/document.ts';
import { requireSupported } from '#reload/overlay-config/support.ts';
import { readCertificate } from '#reload/security/certificate.ts';
import { certificateFailure } from '#reload/security/fault.ts';
import type { Identity } from '#reload/security/identity.ts';
import { withoutDisownedKinds } from '#reload/security/kind-signature.ts';

/** Key, certificate and intermediates in one file, so that they can't come apart. */
const IDENTITY_FILE = 'identity.pem';
const DOCUMENT_FILE = 'overlay.relo';
const ROOT_FILE = 'root.pem';

/** A member as stored on disk. */
export interface StoredMember {
  readonly overlayName: string;
  readonly userName: string;
  /** One per Node-ID of the certificate. */
  readonly identities: readonly Identity[];
  readonly configuration: CurrentConfiguration;
}

export type MemberFiles = Pick<EnrolledMember, 'document' | 'root' | 'certificate' | 'privateKey'> & {
  readonly chain?: readonly Uint8Array[];
};

/** Files are 0600 in a directory of 0700 and replaced whole. */
export async function saveMember(directory: string, member: MemberFiles): Promise<void> {
  const certificates = [member.certificate.der, ...(member.chain ?? [])].map(toPem);
  await makePrivateDirectory(directory);
  await writePrivateFile(directory, ROOT_FILE, toPem(member.root));
  await writePrivateFile(directory, DOCUMENT_FILE, member.document);
  await writePrivateFile(directory, IDENTITY_FILE, privateKeyToPem(member.privateKey) + certificates.join(''));
}

/** Replaces key and certificate together, after a renewal. */
export async function saveIdentity(
  directory: string,
  { certificate, privateKey }: Pick<MemberFiles, 'certificate' | 'privateKey'>,
): Promise<void> {
  await writePrivateFile(directory, IDENTITY_FILE, privateKeyToPem(privateKey) + toPem(certificate.der));
}

/** Changes whenever the identity in a directory is replaced; undefined when there is none. */
export async function identityVersion(directory: string): Promise<string | undefined> {
  try {
    const { ino, size, mtimeNs } = await stat(join(directory, IDENTITY_FILE), { bigint: true });
    return `${ino} ${size} ${mtimeNs}`;
  } catch {
    return undefined;
  }
}

/** Replaces the document, after the overlay has adopted a new one. */
export async function saveConfiguration(directory: string, document: Uint8Array): Promise<void> {
  await writePrivateFile(directory, DOCUMENT_FILE, document);
}

/** Rejects with `Failure<EnrollmentFault>` (bad-identity) or `Failure<ConfigurationFault>`. The document was checked before it was stored. */
export async function loadMember(directory: string): Promise<StoredMember> {
  const { privateKey, certificates } = await readIdentity(join(directory, IDENTITY_FILE));
  const [der, ...chain] = certificates;
  const certificate = readCertificate(der ?? new Uint8Array());
  if (!equalBytes(publicKeyInfoOf(certificate.publicKey), publicKeyInfoOf(privateKey)))
    throw badIdentity(join(directory, IDENTITY_FILE), 'holds a key that does not belong to its certificate');
  const document = await readStored(join(directory, DOCUMENT_FILE));
  const signed = withoutDisownedKinds(readDocument(document, certificate.overlayName));
  requireSupported(signed.configuration);
  return {
    overlayName: certificate.overlayName,
    userName: certificate.userName,
    identities: certificate.nodeIds.map((nodeId) => ({ nodeId, certificate, chain, privateKey })),
    configuration: new CurrentConfiguration(signed),
  };
}

async function readIdentity(path: string): Promise<{ privateKey: KeyObject; certificates: readonly Uint8Array[] }> {
  const pem = Buffer.from(await readStored(path)).toString('latin1');
  try {
    return { privateKey: createPrivateKey(pem), certificates: certificatesInPem(pem) };
  } catch (cause) {
    throw badIdentity(path, `can't be read (${messageOf(cause)})`, cause);
  }
}

/** Certificates of a PEM text in order, DER. Throws `Failure<CertificateFault>` (malformed). */
export function certificatesInPem(pem: string): readonly Uint8Array[] {
  const blocks = pem.split('-----BEGIN CERTIFICATE-----').slice(1);
  return blocks.map((block) => {
    try {
      return new Uint8Array(new X509Certificate(`-----BEGIN CERTIFICATE-----${block}`).raw);
    } catch (cause) {
      const detail = messageOf(cause);
      throw certificateFailure({ code: 'malformed', detail }, `a block of the PEM text is no certificate (${detail}).`);
    }
  });
}

async function readStored(path: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (cause) {
    throw badIdentity(path, `can't be read (${messageOf(cause)})`, cause);
  }
}

function badIdentity(path: string, what: string, cause?: unknown) {
  return enrollmentFailure({ code: 'bad-identity', path }, `${path} ${what}. Enroll again.`, cause);
}
