import { encode, type Infer, list16, opaque8, opaque16, sized16, u8 } from '#reload/wire/codec.ts';
import { select, struct } from '#reload/wire/struct.ts';

const hashedIdentity = struct({ hashAlgorithm: u8, hash: opaque8 });

/**
 * Who signed (RFC 6940 §6.3.4): the hash of the certificate (`cert_hash`), of Node-ID and certificate together
 * (`cert_hash_node_id`), or nobody, in values made up for what is absent (`none`).
 */
const signerIdentity = select(
  'type',
  u8,
  { cert_hash: [1, hashedIdentity], cert_hash_node_id: [2, hashedIdentity], none: [3, struct({})] },
  sized16,
);
export type SignerIdentity = Infer<typeof signerIdentity>;

/** A signature over a message or a stored value (RFC 6940 §6.3.4). Algorithms by the numbers of TLS 1.2. */
export const signature = struct({
  hashAlgorithm: u8,
  signatureAlgorithm: u8,
  identity: signerIdentity,
  value: opaque16,
});
export type Signature = Infer<typeof signature>;

/** A certificate of the type registered by RFC 6091; 0 is X.509 in DER. */
const genericCertificate = struct({ type: u8, certificate: opaque16 });

export const securityBlock = struct({ certificates: list16(genericCertificate), signature });
export type SecurityBlock = Infer<typeof securityBlock>;

/** Type, length and value: the form in which it ends both signature inputs (RFC 6940 §6.3.4, §7.1). */
export function encodeSignerIdentity(identity: SignerIdentity): Uint8Array {
  return encode(signerIdentity, identity);
}

/** The signature of values made up for what is absent (RFC 6940 §7.4.2.2). */
export const ABSENT_SIGNATURE: Signature = {
  hashAlgorithm: 0,
  signatureAlgorithm: 0,
  identity: { type: 'none' },
  value: new Uint8Array(),
};
