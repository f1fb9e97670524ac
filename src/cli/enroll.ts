import { readFile } from 'node:fs/promises';
import { Failure } from '#platform/failure.ts';
import { type EnrollRequest, enroll } from '#reload/enrollment/enroll.ts';
import type { FetchDeps, RootTrust } from '#reload/enrollment/fetch-configuration.ts';
import {
  certificatesInPem,
  loadMember,
  saveConfiguration,
  saveIdentity,
  saveMember,
} from '#reload/enrollment/identity-directory.ts';
import { type Invitation, parseInvitation } from '#reload/enrollment/invitation.ts';
import type { KeyType } from '#reload/enrollment/keys.ts';
import { fetchNewerDocument, renewCertificate } from '#reload/enrollment/renew.ts';
import { CertificateVerifier } from '#reload/security/certificate-verifier.ts';
import { acceptNextConfiguration } from '#reload/security/configuration-signature.ts';

export interface EnrollOptions {
  /** May be left out with an invitation, which names it. */
  readonly overlay?: string;
  readonly user: string;
  readonly password: string;
  readonly invitation?: string;
  /** PEM file with the overlay's root, instead of an invitation. */
  readonly ca?: string;
  /** URL of the configuration document; found by DNS otherwise. */
  readonly url?: string;
  /** Directory for the identity. */
  readonly out: string;
  readonly keyType?: KeyType;
  readonly nodeIds?: number;
  /** Takes an enrollment server only if its certificate has the overlay name (RFC 6940 §11.3 to the letter). */
  readonly overlayNameOnly?: boolean;
}

export interface EnrollDeps extends FetchDeps {
  readonly print: (line: string) => void;
}

interface EnrollOptionFault {
  readonly code: 'no-trust' | 'no-overlay' | 'other-overlay' | 'bad-ca' | 'no-identity';
}

/** `copperring enroll`: becomes a member of an overlay and stores key, certificate and configuration. */
export async function enrollMember(deps: EnrollDeps, options: EnrollOptions): Promise<void> {
  const invitation = options.invitation === undefined ? undefined : parseInvitation(options.invitation);
  const overlayName = overlayNameOf(options, invitation);
  const request: EnrollRequest = {
    overlayName,
    url: options.url ?? invitation?.url,
    trust: await trustOf(options, invitation),
    userName: options.user.includes('@') ? options.user : `${options.user}@${overlayName}`,
    password: options.password,
    ...(options.keyType === undefined ? {} : { keyType: options.keyType }),
    ...(options.nodeIds === undefined ? {} : { nodeIds: options.nodeIds }),
    ...(options.overlayNameOnly === undefined ? {} : { overlayNameOnly: options.overlayNameOnly }),
  };
  const member = await enroll(deps, request);
  await saveMember(options.out, member);
  const { userName, nodeIds, notAfter } = member.certificate;
  deps.print(`${userName} is a member of ${overlayName} until ${new Date(notAfter).toISOString()}.`);
  deps.print(`${nodeIds.length === 1 ? 'Node-ID' : 'Node-IDs'} ${nodeIds.join(', ')}; stored in ${options.out}.`);
}

export interface RenewOptions {
  /** Directory of the identity. */
  readonly out: string;
  /** Keeps the key; by default there is a new one. */
  readonly keepKey: boolean;
}

/** `copperring enroll --renew`: renews the certificate in a directory by itself. A node that runs on it takes it within a minute. */
export async function renewMember(deps: EnrollDeps, { out, keepKey }: RenewOptions): Promise<void> {
  const { clock, random } = deps;
  const { identities, configuration } = await loadMember(out);
  const [identity] = identities;
  if (identity === undefined) throw optionFailure('no-identity', `The certificate in ${out} holds no Node-ID.`);
  const verifier = new CertificateVerifier({ clock, configuration });
  const newer = await fetchNewerDocument({ clock, random }, configuration);
  if (newer !== undefined) {
    const inForce = { configuration: configuration.current, verifier, clock };
    configuration.replace(acceptNextConfiguration(newer, inForce));
    await saveConfiguration(out, newer);
  }
  const renewed = await renewCertificate({ clock, random }, { identity, configuration, keepKey });
  await saveIdentity(out, renewed);
  const { userName, notAfter } = renewed.certificate;
  deps.print(
    `${userName} is a member of ${configuration.current.instanceName} until ${new Date(notAfter).toISOString()}.`,
  );
}

function overlayNameOf(options: EnrollOptions, invitation: Invitation | undefined): string {
  const name = options.overlay ?? invitation?.overlayName;
  if (name === undefined) throw optionFailure('no-overlay', 'Name the overlay by --overlay or give an invitation.');
  if (invitation !== undefined && invitation.overlayName !== name)
    throw optionFailure('other-overlay', `The invitation is for ${invitation.overlayName}, not for ${name}.`);
  return name;
}

/** A document can't vouch for itself: without a root from outside nobody would know whose overlay it is. */
async function trustOf(options: EnrollOptions, invitation: Invitation | undefined): Promise<RootTrust> {
  if (options.ca !== undefined) {
    const [certificate] = certificatesInPem(await readFile(options.ca, 'latin1'));
    if (certificate === undefined) throw optionFailure('bad-ca', `${options.ca} holds no certificate in PEM form.`);
    return { certificate };
  }
  if (invitation !== undefined) return { fingerprint: invitation.rootFingerprint };
  throw optionFailure('no-trust', "Give the operator's --invitation, or the overlay's root certificate by --ca.");
}

function optionFailure(code: EnrollOptionFault['code'], message: string): Failure<EnrollOptionFault> {
  return new Failure<EnrollOptionFault>({ code }, message);
}
