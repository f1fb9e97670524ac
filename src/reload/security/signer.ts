import { algorithmFor, identityHash, signBytes } from '#reload/security/algorithms.ts';
import type { Identity, SignatureInput, Signer } from '#reload/security/identity.ts';
import { HashAlgorithm } from '#reload/wire/codes.ts';
import { idBytes } from '#reload/wire/ids.ts';
import { encodeSignerIdentity, type Signature, type SignerIdentity } from '#reload/wire/security-block.ts';

/** Signs as `identity`: `cert_hash` when its certificate holds one Node-ID, else `cert_hash_node_id` (RFC 6940 §6.3.4). */
export function createSigner(identity: Identity): Signer {
  const signerIdentity = identityOf(identity);
  const encodedIdentity = encodeSignerIdentity(signerIdentity);
  const algorithm = algorithmFor(identity.privateKey);
  return {
    nodeId: identity.nodeId,
    certificate: identity.certificate,
    chain: identity.chain,
    sign(input: SignatureInput): Signature {
      return {
        hashAlgorithm: algorithm.hash,
        signatureAlgorithm: algorithm.signature,
        identity: signerIdentity,
        value: signBytes(identity.privateKey, input(encodedIdentity)),
      };
    },
  };
}

function identityOf({ nodeId, certificate }: Identity): SignerIdentity {
  const single = certificate.nodeIds.length === 1;
  const parts = single ? [certificate.der] : [idBytes(nodeId), certificate.der];
  const hash = identityHash(HashAlgorithm.sha256, ...parts) ?? new Uint8Array();
  return { type: single ? 'cert_hash' : 'cert_hash_node_id', hashAlgorithm: HashAlgorithm.sha256, hash };
}
