import type { KeyObject } from 'node:crypto';
import type { NodeId } from '#reload/wire/ids.ts';
import type { Signature } from '#reload/wire/security-block.ts';

/** An overlay certificate whose shape was checked (RFC 6940 §11.3): one rfc822Name, at least one RELOAD URI, nothing else. */
export interface Certificate {
  readonly der: Uint8Array;
  /** Lower-case hex SHA-256 of `der`; the key under which certificates are cached. */
  readonly fingerprint: string;
  readonly nodeIds: readonly NodeId[];
  /** The rfc822Name, byte for byte as issued. */
  readonly userName: string;
  readonly overlayName: string;
  readonly publicKey: KeyObject;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** One logical node: one Node-ID of one certificate, with its key. */
export interface Identity {
  readonly nodeId: NodeId;
  readonly certificate: Certificate;
  /** Intermediate certificates (DER), the root left out. */
  readonly chain: readonly Uint8Array[];
  readonly privateKey: KeyObject;
}

/** Who made a signature: the Node-ID that its SignerIdentity names, and that node's certificate. */
export interface Signatory {
  readonly nodeId: NodeId;
  readonly certificate: Certificate;
}

/** Both signature inputs of RFC 6940 (§6.3.4 messages, §7.1 values) end with the encoded SignerIdentity, hence a function. */
export type SignatureInput = (signerIdentity: Uint8Array) => Uint8Array;

/** Signs as one node. Synchronous, so that callers need no state across an await. */
export interface Signer extends Signatory {
  readonly chain: readonly Uint8Array[];
  sign(input: SignatureInput): Signature;
}

/** Checks signatures and the certificates behind them against the overlay's configuration. */
export interface Verifier {
  /** Returns the signatory, or throws `Failure<SignatureFault>`. `certificates` is the bucket the signature travelled with (DER). */
  verify(signature: Signature, certificates: readonly Uint8Array[], input: SignatureInput): Signatory;
  /** As `verify`; what passed is remembered by (certificate, input), so that a value seen twice costs one verification. */
  verifyOnce(signature: Signature, certificates: readonly Uint8Array[], input: SignatureInput): Signatory;
  /** Checks one certificate and its chain: root, dates, CA bits, SAN shape, overlay name, bad nodes. Throws `Failure<CertificateFault>`. */
  checkCertificate(der: Uint8Array, intermediates: readonly Uint8Array[]): Certificate;
}
