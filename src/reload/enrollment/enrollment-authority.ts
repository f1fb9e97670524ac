import type { Clock } from '#platform/clock.ts';
import type { Accounts } from '#reload/enrollment/accounts.ts';
import { readCertificateRequest } from '#reload/enrollment/certificate-request.ts';
import { refusal } from '#reload/enrollment/fault.ts';
import { validityFrom } from '#reload/enrollment/found-overlay.ts';
import { MAX_PASSWORD_BYTES } from '#reload/enrollment/password.ts';
import { canonicalUserName } from '#reload/enrollment/user-name.ts';
import { type Issuer, writeMemberCertificate } from '#reload/enrollment/x509-writer.ts';
import { parseCertificate } from '#reload/security/x509.ts';

export interface EnrollmentRequest {
  readonly account: string;
  readonly password: string;
  /** As it stood in the form; undefined means one. */
  readonly nodeIds: string | undefined;
  readonly certificateRequest: Uint8Array;
}

export interface EnrollmentAuthorityDeps {
  readonly clock: Clock;
  readonly accounts: Accounts;
  /** The overlay's root, or an intermediate below it. */
  readonly issuer: Issuer;
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
    const { publicKeyInfo, userName } = readCertificateRequest(request.certificateRequest);
    if (userName !== undefined && canonicalUserName(userName) !== account.userName)
      throw refusal(
        'username_not_available',
        `The account stands for ${account.userName}, not for the name requested.`,
      );
    const nodeIds = await this.#deps.accounts.nodeIdsFor(account.account, count);
    const names = { overlayName: this.#options.overlayName, userName: account.userName, nodeIds };
    return writeMemberCertificate(names, publicKeyInfo, this.#deps.issuer, this.#validity());
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
