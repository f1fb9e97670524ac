import { concat, uint32Bytes, uint64Bytes } from '#platform/bytes.ts';
import type { SignatureInput } from '#reload/security/identity.ts';

/** overlay, transaction_id, MessageContents as sent or received, SignerIdentity (RFC 6940 §6.3.4). */
export function messageSignatureInput(
  overlay: number,
  transactionId: bigint,
  contentsBytes: Uint8Array,
): SignatureInput {
  const head = concat(uint32Bytes(overlay), uint64Bytes(transactionId));
  return (signerIdentity) => concat(head, contentsBytes, signerIdentity);
}

/** The bytes of a `configuration` or `kind` element. Whether SignerIdentity follows is left open by RFC 6940 §11.1; we write it, as everywhere else. */
export function elementSignatureInput(elementBytes: Uint8Array): SignatureInput {
  return (signerIdentity) => concat(elementBytes, signerIdentity);
}

/** The other reading of RFC 6940 §11.1, taken from others only. */
export function bareElementSignatureInput(elementBytes: Uint8Array): SignatureInput {
  return () => elementBytes;
}
