import type { Certificate } from '#reload/security/identity.ts';

/** Where a certificate stands in its life. Before its beginning it is rather the clock that is wrong. */
export type CredentialAge = 'not-yet-valid' | 'valid' | 'ending' | 'expired';

type Dates = Pick<Certificate, 'notBefore' | 'notAfter'>;

/** The renewal is due at a random moment of this part of a life; what is left then is for failures. */
const RENEW_FROM = 2 / 3;
const RENEW_UNTIL = 5 / 6;
/** The last part of a life, in which it is time to worry. */
const ENDING = 1 / 10;
const FIRST_RETRY_MS = 60_000;
const LAST_RETRY_MS = 6 * 3_600_000;

export function ageOf({ notBefore, notAfter }: Dates, now: number): CredentialAge {
  if (now < notBefore) return 'not-yet-valid';
  if (now > notAfter) return 'expired';
  return now > notAfter - (notAfter - notBefore) * ENDING ? 'ending' : 'valid';
}

/**
 * When to renew, in milliseconds since 1970. `fraction`, 0 to 1, is drawn at random, so that members enrolled together don't all come
 * back together (RFC 6940 §13.3 leaves the times to the overlay).
 */
export function renewalMoment({ notBefore, notAfter }: Dates, fraction: number): number {
  const part = RENEW_FROM + (RENEW_UNTIL - RENEW_FROM) * fraction;
  return Math.floor(notBefore + (notAfter - notBefore) * part);
}

/** Milliseconds to the next attempt after so many failures, sooner the nearer the end. */
export function retryPause(failures: number, msLeft: number): number {
  const patient = Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LAST_RETRY_MS);
  return Math.max(FIRST_RETRY_MS, Math.min(patient, msLeft / 8));
}
