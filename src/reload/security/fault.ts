import { Failure } from '#platform/failure.ts';
import type { NodeId } from '#reload/wire/ids.ts';

/** Why a certificate is no member's certificate. */
export type CertificateFault =
  | { readonly code: 'malformed'; readonly detail: string }
  | { readonly code: 'unsupported-key'; readonly detail: string }
  | { readonly code: 'san-shape'; readonly detail: string }
  | { readonly code: 'wrong-overlay'; readonly expected: string; readonly found: string }
  | { readonly code: 'not-yet-valid'; readonly notBefore: number }
  | { readonly code: 'expired'; readonly notAfter: number }
  | { readonly code: 'untrusted-chain' }
  | { readonly code: 'not-a-ca' }
  | { readonly code: 'bad-node'; readonly nodeId: NodeId }
  /** A self-signed certificate whose Node-ID was not made from its key (RFC 6940 §11.3.1). */
  | { readonly code: 'node-id-mismatch'; readonly nodeId: NodeId };

/** Why a signature does not count. The faults of the signer's certificate are among them. */
export type SignatureFault =
  | { readonly code: 'unsupported-algorithm'; readonly hash: number; readonly signature: number }
  | { readonly code: 'unsupported-identity'; readonly type: string }
  | { readonly code: 'too-many-certificates'; readonly count: number }
  /** The identity names no certificate that came along. */
  | { readonly code: 'unknown-certificate' }
  /** The identity does not say which of the certificate's Node-IDs signed (RFC 6940 §6.3.4). */
  | { readonly code: 'ambiguous-node-id' }
  | { readonly code: 'bad-signature' }
  | CertificateFault;

export function certificateFailure(fault: CertificateFault, what: string): Failure<CertificateFault> {
  return new Failure<CertificateFault>(fault, `Certificate refused: ${what}`);
}

export function signatureFailure(fault: SignatureFault, what: string): Failure<SignatureFault> {
  return new Failure<SignatureFault>(fault, `Signature refused: ${what}`);
}
