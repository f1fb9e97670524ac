import { Failure } from '#platform/failure.ts';

/** The tokens of RFC 6940 §11.3, spelt as there. */
export const REFUSAL_TOKENS = [
  'failed_authentication',
  'username_not_available',
  'Node-IDs_not_available',
  'bad_CSR',
] as const;
export type RefusalToken = (typeof REFUSAL_TOKENS)[number];

/** Why an enrollment server issues nothing. */
export interface EnrollmentRefusal {
  readonly code: RefusalToken;
}

export function refusal(code: RefusalToken, why: string, cause?: unknown): Failure<EnrollmentRefusal> {
  return new Failure<EnrollmentRefusal>({ code }, why, cause);
}

/** Why a node could not enroll. */
export type EnrollmentFault =
  /** The server's answer to a request; `unknown` when its token is none of the RFC's. */
  | { readonly code: 'refused'; readonly token: RefusalToken | 'unknown'; readonly status: number }
  | { readonly code: 'no-server' }
  | { readonly code: 'unreachable'; readonly url: string }
  /** The server's TLS certificate was not accepted. */
  | { readonly code: 'untrusted-server'; readonly url: string }
  | { readonly code: 'insecure-url'; readonly url: string }
  | { readonly code: 'http'; readonly status: number }
  | { readonly code: 'untrusted-root' }
  | { readonly code: 'bad-invitation' }
  | { readonly code: 'bad-user-name' }
  /** The certificate to renew has ended. */
  | { readonly code: 'expired'; readonly notAfter: number }
  | { readonly code: 'bad-answer'; readonly detail: string }
  | { readonly code: 'bad-identity'; readonly path: string };

export function enrollmentFailure(fault: EnrollmentFault, what: string, cause?: unknown): Failure<EnrollmentFault> {
  return new Failure<EnrollmentFault>(fault, what, cause);
}

/** Why an account can't be made. */
export interface AccountFault {
  readonly code: 'bad-name' | 'reserved-name' | 'taken' | 'bad-password' | 'unknown-account';
}
