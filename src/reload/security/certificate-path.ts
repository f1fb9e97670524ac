import { equalBytes } from '#platform/bytes.ts';
import { type CertificateFault, certificateFailure } from '#reload/security/fault.ts';
import { type ParsedCertificate, parseCertificate } from '#reload/security/x509.ts';

const MAX_INTERMEDIATES = 16;
const MAX_DEPTH = 4;

/** The times between which a whole chain holds, in milliseconds since 1970. */
export interface ValidityPeriod {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Certificates that can be read; a trust anchor that can't is none (the RFC's own example document has one). */
export function readable(certificates: readonly Uint8Array[]): readonly ParsedCertificate[] {
  return certificates.flatMap((der) => {
    try {
      return [parseCertificate(der)];
    } catch {
      return [];
    }
  });
}

/**
 * Finds a chain from `leaf` to one of `roots` in which every issuer is a CA (basicConstraints, keyUsage, path length) and every signature
 * holds (RFC 6940 §11.3, RFC 5280 §6.1). Returns the period in which all of it is valid; throws `Failure<CertificateFault>`.
 */
export function findPath(
  leaf: ParsedCertificate,
  intermediates: readonly Uint8Array[],
  trust: { readonly roots: readonly ParsedCertificate[]; readonly now: number },
): ValidityPeriod {
  const candidates = readable(intermediates.slice(0, MAX_INTERMEDIATES));
  const reasons: IssuerFault[] = [];
  const period = climb(leaf, 0, { candidates, ...trust, reasons });
  if (period !== undefined) return period;
  const [reason] = reasons;
  if (reason !== undefined) throw certificateFailure(reason, ISSUER_FAULTS[reason.code]);
  throw certificateFailure(
    { code: 'untrusted-chain' },
    "it does not chain to a root-cert of the overlay's configuration.",
  );
}

type IssuerFault = Extract<CertificateFault, { code: 'not-a-ca' | 'expired' | 'not-yet-valid' }>;

const ISSUER_FAULTS: Readonly<Record<IssuerFault['code'], string>> = {
  'not-a-ca': 'its issuer is not a certification authority.',
  expired: 'the certificate of its issuer has expired.',
  'not-yet-valid': 'the certificate of its issuer is not valid yet.',
};

interface Search {
  readonly candidates: readonly ParsedCertificate[];
  readonly roots: readonly ParsedCertificate[];
  readonly now: number;
  readonly reasons: IssuerFault[];
}

function climb(certificate: ParsedCertificate, depth: number, search: Search): ValidityPeriod | undefined {
  for (const root of search.roots) {
    if (issued(root, certificate, depth, search)) return overlap(certificate, root);
  }
  if (depth + 1 >= MAX_DEPTH) return undefined;
  for (const candidate of search.candidates) {
    // Names are compared before signatures, and a chain is four long, so that a hostile bucket costs little.
    if (candidate === certificate || !issued(candidate, certificate, depth, search)) continue;
    const above = climb(candidate, depth + 1, search);
    if (above !== undefined) return overlap(certificate, above);
  }
  return undefined;
}

/** Whether `issuer` signed `subject`, with `depth` certificates between `subject` and the leaf, and was allowed to. */
function issued(issuer: ParsedCertificate, subject: ParsedCertificate, depth: number, search: Search): boolean {
  if (!equalBytes(issuer.subject, subject.issuer) || !subject.signedBy(issuer.publicKey)) return false;
  const fault = issuerFault(issuer, depth, search.now);
  if (fault !== undefined) search.reasons.push(fault);
  return fault === undefined;
}

function issuerFault(issuer: ParsedCertificate, depth: number, now: number): IssuerFault | undefined {
  if (!issuer.isCa || issuer.mayIssue === false || (issuer.pathLength ?? MAX_DEPTH) < depth)
    return { code: 'not-a-ca' };
  if (now < issuer.notBefore) return { code: 'not-yet-valid', notBefore: issuer.notBefore };
  if (now > issuer.notAfter) return { code: 'expired', notAfter: issuer.notAfter };
  return undefined;
}

function overlap(a: ValidityPeriod, b: ValidityPeriod): ValidityPeriod {
  return { notBefore: Math.max(a.notBefore, b.notBefore), notAfter: Math.min(a.notAfter, b.notAfter) };
}
