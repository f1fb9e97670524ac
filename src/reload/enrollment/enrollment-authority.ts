import { createHash } from 'node:crypto';
import type { Clock } from '#platform/clock.ts';
import type { Account, Accounts } from '#reload/enrollment/accounts.ts';
import { readCertificateRequest } from '#reload/enrollment/certificate-request.ts';
import { refusal } from '#reload/enrollment/fault.ts';
import { validityFrom } from '#reload/enrollment/found-overlay.ts';
import { MAX_PASSWORD_BYTES } from '#reload/enrollment/password.ts';
import { canonicalUserName } from '#reload/enrollment/user-name.ts';
import { type Issuer, writeMemberCertificate } from '#reload/enrollment/x509-writer.ts';
import type { ConfigurationSource } from '#reload/overlay-config/configuration.ts';
import type { Certificate } from '#reload/security/identity.ts';
import { parseCertificate } from '#reload/security/x509.ts';
import type { NodeId } from '#reload/wire/ids.ts';

export interface EnrollmentRequest {
  readonly account: string;
  readonly password: string;
  /** As it stood in the form; undefined means one. */
  readonly nodeIds: string | undefined;
  readonly certificateRequest: Uint8Array;
}

export interface RenewalRequest {
  /** The certificate by which the requester has shown who it is; whoever calls has checked it. */
  readonly member: Certificate;
  readonly certificateRequest: Uint8Array;
}

export interface EnrollmentAuthorityDeps {
  readonly clock: Clock;
  readonly accounts: Accounts;
  /** The overlay's root, or an intermediate below it. Read at each request: it may change. */
  readonly issuer: Issuer;
  /** The document in force; its bad nodes get no certificate. */
  readonly configuration: Pick<ConfigurationSource, 'current'>;
}

export interface EnrollmentAuthorityOptions {
  readonly overlayName: string;
  /** A short life bounds the use of a stolen key, for there is no revocation but `bad-node` (RFC 6940 §13.3). */
  readonly validityDays?: number;
  readonly maxNodeIds?: number;
}

/** Decides on certificate requests (RFC 6940 §11.3), whatever protocol brings them. */
export class EnrollmentAuthority {
  readonly #deps: EnrollmentAuthorityDeps;
  readonly #options: EnrollmentAuthorityOptions;

  constructor(deps: EnrollmentAuthorityDeps, options: EnrollmentAuthorityOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** A member's certificate (DER). Rejects with `Failure<EnrollmentRefusal>`. */
  async enroll(request: EnrollmentRequest): Promise<Uint8Array> {
    if (Buffer.byteLength(request.password) > MAX_PASSWORD_BYTES)
      throw refusal('failed_authentication', 'The password is too long to be one.');
    const account = await this.#deps.accounts.authenticate(request.account, request.password);
    if (account === undefined) throw refusal('failed_authentication', 'Account and password do not go together.');
    const count = this.#nodeIdCount(request.nodeIds);
    const publicKeyInfo = requestedKey(request.certificateRequest, account);
    return this.#issue(account, await this.#deps.accounts.nodeIdsFor(account.account, count), publicKeyInfo);
  }

  /**
   * A certificate with the same user name and Node-IDs as the one at hand, for the key of the request, which may be another one.
   * Rejects with `Failure<EnrollmentRefusal>`.
   */
  async renew({ member, certificateRequest }: RenewalRequest): Promise<Uint8Array> {
    const account = this.#deps.accounts.byUserName(member.userName);
    if (account === undefined) throw refusal('failed_authentication', 'The user has no account any more.');
    if (!member.nodeIds.every((nodeId) => account.nodeIds.includes(nodeId)))
      throw refusal('failed_authentication', "The certificate has a Node-ID that is not the account's.");
    return this.#issue(account, member.nodeIds, requestedKey(certificateRequest, account));
  }

  async #issue(account: Account, nodeIds: readonly NodeId[], publicKeyInfo: Uint8Array): Promise<Uint8Array> {
    const { accounts, configuration, issuer } = this.#deps;
    if (account.banned === true) throw refusal('username_not_available', 'The user is banned.');
    const bad = nodeIds.find((nodeId) => configuration.current.badNodes.includes(nodeId));
    if (bad !== undefined) throw refusal('Node-IDs_not_available', `Node-ID ${bad} is listed as a bad node.`);
    const names = { overlayName: this.#options.overlayName, userName: account.userName, nodeIds };
    const validity = this.#validity();
    const der = await writeMemberCertificate(names, publicKeyInfo, issuer, validity);
    await accounts.noteIssued(account.account, issuerFingerprint(issuer), validity.notAfter);
    return der;
  }

  #nodeIdCount(text: string | undefined): number {
    const most = this.#options.maxNodeIds ?? 8;
    const count = text === undefined ? 1 : /^\d{1,6}$/.test(text.trim()) ? Number(text) : 0;
    if (count < 1 || count > most)
      throw refusal(
        'Node-IDs_not_available',
        `1 to ${most} Node-IDs can be had, not ${JSON.stringify(text?.slice(0, 20))}.`,
      );
    return count;
  }

  /** Never beyond the issuer's own end. */
  #validity() {
    const wanted = validityFrom(this.#deps.clock, this.#options.validityDays ?? 365);
    const issuer = parseCertificate(this.#deps.issuer.certificate);
    return { notBefore: wanted.notBefore, notAfter: Math.min(wanted.notAfter, issuer.notAfter) };
  }
}

/** Hex SHA-256 of an issuer's certificate: what it is called by in accounts and commands. */
export function issuerFingerprint({ certificate }: Pick<Issuer, 'certificate'>): string {
  return createHash('sha256').update(certificate).digest('hex');
}

/** The SubjectPublicKeyInfo of a request that asks for the account's name, or for none. */
function requestedKey(certificateRequest: Uint8Array, account: Account): Uint8Array {
  const { publicKeyInfo, userName } = readCertificateRequest(certificateRequest);
  if (userName !== undefined && canonicalUserName(userName) !== account.userName)
    throw refusal('username_not_available', `The account stands for ${account.userName}, not for the name requested.`);
  return publicKeyInfo;
}
