import { concat } from '#platform/bytes.ts';
import type { Incoming } from '#reload/forwarding/forwarder.ts';
import type { Signatory, Signer, Verifier } from '#reload/security/identity.ts';
import { messageSignatureInput } from '#reload/security/signature-input.ts';
import { encode } from '#reload/wire/codec.ts';
import { CertificateType } from '#reload/wire/codes.ts';
import { encodeContents, splitPayload } from '#reload/wire/message.ts';
import type { MessageContents } from '#reload/wire/message-contents.ts';
import type { WireOptions } from '#reload/wire/reader.ts';
import { securityBlock } from '#reload/wire/security-block.ts';

/** A delivered message whose signature holds. */
export interface Opened {
  readonly contents: MessageContents;
  readonly signatory: Signatory;
  /** Every certificate that came along (DER). */
  readonly certificates: readonly Uint8Array[];
}

/** What identifies one message to its signature, beside the contents (RFC 6940 §6.3.4). */
export interface MessageKey {
  readonly overlay: number;
  readonly transactionId: bigint;
}

/** Signs contents: everything of a message that follows the header. `extra` are certificates beside the signer's own (DER). */
export function seal(
  signer: Signer,
  key: MessageKey,
  contents: MessageContents,
  extra: readonly Uint8Array[],
): Uint8Array {
  const contentsBytes = encodeContents(contents);
  const own = [signer.certificate.der, ...signer.chain];
  const others = extra.filter((der) => !own.some((mine) => Buffer.compare(mine, der) === 0));
  const certificates = [...own, ...others].map((certificate) => ({ type: CertificateType.x509, certificate }));
  const signature = signer.sign(messageSignatureInput(key.overlay, key.transactionId, contentsBytes));
  return concat(contentsBytes, encode(securityBlock, { certificates, signature }));
}

/** Takes a delivered message apart and checks its signature. Throws `Failure<WireFault>` or `Failure<SignatureFault>`. */
export function open(verifier: Verifier, incoming: Incoming, options: WireOptions): Opened {
  const { contents, contentsBytes, security } = splitPayload(incoming.payload, options);
  const certificates = security.certificates
    .filter(({ type }) => type === CertificateType.x509)
    .map(({ certificate }) => certificate);
  const { overlay, transactionId } = incoming.header;
  const input = messageSignatureInput(overlay, transactionId, contentsBytes);
  return { contents, signatory: verifier.verify(security.signature, certificates, input), certificates };
}
