import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  DOCUMENT_FILE,
  issuerToPem,
  loadAuthority,
  SIGNER_DIRECTORY,
  type StoredAuthority,
} from '#reload/enrollment/authority-directory.ts';
import { issuerFingerprint } from '#reload/enrollment/enrollment-authority.ts';
import { enrollmentFailure } from '#reload/enrollment/fault.ts';
import { certificatesInPem, loadMember, saveMember } from '#reload/enrollment/identity-directory.ts';
import { makePrivateDirectory, writePrivateFile } from '#reload/enrollment/private-files.ts';
import type { Issuer } from '#reload/enrollment/x509-writer.ts';
import type { Identity } from '#reload/security/identity.ts';

const FORMER_ROOTS = 'former-roots';
const RETIRED_SIGNERS = 'retired-signers';
/** Each signs every further document too, for members that were away when it was replaced. */
const MAX_RETIRED_SIGNERS = 3;

/** An overlay's folder as its operator's commands need it. */
export interface OperatorFiles extends StoredAuthority {
  readonly signer: Identity;
  /** Signers of earlier documents, the latest first. */
  readonly retiredSigners: readonly Identity[];
  /** Roots in the document that issue no more. */
  readonly formerRoots: readonly Issuer[];
}

/** Rejects as `loadAuthority` does. */
export async function loadOperatorFiles(directory: string): Promise<OperatorFiles> {
  const [authority, signer] = [await loadAuthority(directory), await loadSigner(join(directory, SIGNER_DIRECTORY))];
  const retired = await namesIn(join(directory, RETIRED_SIGNERS));
  const roots = await namesIn(join(directory, FORMER_ROOTS));
  const retiredSigners = retired.sort().reverse();
  return {
    ...authority,
    signer,
    retiredSigners: await Promise.all(retiredSigners.map((name) => loadSigner(join(directory, RETIRED_SIGNERS, name)))),
    formerRoots: await Promise.all(roots.map((name) => loadRoot(join(directory, FORMER_ROOTS, name)))),
  };
}

/** Puts a document in force: a server that runs on the folder serves it from the next request on. */
export async function saveDocument(directory: string, document: Uint8Array): Promise<void> {
  await writePrivateFile(directory, DOCUMENT_FILE, document);
}

/** Keeps a root that issues no more beside the one that does. */
export async function saveFormerRoot(directory: string, root: Issuer): Promise<void> {
  const below = join(directory, FORMER_ROOTS);
  await makePrivateDirectory(below);
  await writePrivateFile(below, `${issuerFingerprint(root)}.pem`, issuerToPem(root));
}

export async function deleteFormerRoot(directory: string, fingerprint: string): Promise<void> {
  await rm(join(directory, FORMER_ROOTS, `${fingerprint}.pem`), { force: true });
}

/** A new signer takes the place of the old one, which goes on signing beside it. */
export async function replaceSigner(
  directory: string,
  files: OperatorFiles,
  made: { readonly signer: Identity; readonly document: Uint8Array },
): Promise<void> {
  const { signer: old, issuer, configuration } = files;
  const root = issuer.certificate;
  const below = join(directory, RETIRED_SIGNERS);
  await makePrivateDirectory(below);
  // Named so that their order is that of the documents.
  const turn = String((await namesIn(below)).reduce((most, name) => Math.max(most, Number.parseInt(name, 10)), 0) + 1);
  await saveMember(join(below, `${turn.padStart(6, '0')}-${old.nodeId}`), {
    ...old,
    root,
    document: configuration.bytes,
  });
  await saveMember(join(directory, SIGNER_DIRECTORY), { ...made.signer, root, document: made.document });
  const names = (await namesIn(below)).sort();
  for (const name of names.slice(0, -MAX_RETIRED_SIGNERS)) await rm(join(below, name), { recursive: true });
}

/** DNS names and IP addresses that the HTTPS server's certificate is good for. */
export function serverHosts({ serverChain }: StoredAuthority): readonly string[] {
  const text = new X509Certificate(serverChain).subjectAltName ?? '';
  return text.split(', ').map((name) => name.replace(/^(?:DNS|IP Address):/, ''));
}

async function loadSigner(directory: string): Promise<Identity> {
  const [identity] = (await loadMember(directory)).identities;
  if (identity !== undefined) return identity;
  throw enrollmentFailure({ code: 'bad-identity', path: directory }, `${directory} holds no Node-ID.`);
}

async function loadRoot(path: string): Promise<Issuer> {
  const pem = await readFile(path, 'latin1');
  const [certificate] = certificatesInPem(pem);
  if (certificate === undefined)
    throw enrollmentFailure({ code: 'bad-identity', path }, `${path} holds no certificate.`);
  return { certificate, privateKey: createPrivateKey(pem) };
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((name) => !name.endsWith('.tmp'));
  } catch {
    return [];
  }
}
