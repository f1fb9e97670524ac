import { equalBytes } from '#platform/bytes.ts';
import type { OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import type { SignedConfiguration, SignedKind } from '#reload/overlay-config/document.ts';
import { identityHash } from '#reload/security/algorithms.ts';
import { readCertificate } from '#reload/security/certificate.ts';
import { decode } from '#reload/wire/codec.ts';
import { idBytes, type NodeId } from '#reload/wire/ids.ts';
import { type SecurityBlock, type SignerIdentity, securityBlock } from '#reload/wire/security-block.ts';

/**
 * The document without the Kinds that were signed by nodes which may not sign Kinds (any more): they are discarded (RFC 6940 §11.1). By
 * what signatures say of themselves, so it is for documents whose own signature holds, or held when they were stored.
 */
export function withoutDisownedKinds(signed: SignedConfiguration): SignedConfiguration {
  const { configuration, kindBlocks } = signed;
  const owned = kindBlocks.filter((block) => !isDisowned(block, configuration));
  if (owned.length === kindBlocks.length) return signed;
  const ids = new Set(owned.map(({ kind }) => kind.id));
  const kinds = configuration.kinds.filter(({ id }) => ids.has(id));
  return { ...signed, configuration: { ...configuration, kinds }, kindBlocks: owned };
}

/** The node that signed a Kind, as the signature says without proof; undefined when it does not say so in a readable way. */
export function claimedSigner(block: SignedKind): NodeId | undefined {
  if (block.signature === undefined) return undefined;
  try {
    return signerIn(decode(securityBlock, block.signature));
  } catch {
    return undefined;
  }
}

function isDisowned(block: SignedKind, { kindSigners }: OverlayConfiguration): boolean {
  const signer = claimedSigner(block);
  return signer !== undefined && !kindSigners.includes(signer);
}

function signerIn({ certificates, signature }: SecurityBlock): NodeId | undefined {
  for (const { certificate } of certificates) {
    const found = nodeIdWithHash(signature.identity, certificate);
    if (found !== undefined) return found;
  }
  return undefined;
}

function nodeIdWithHash(identity: SignerIdentity, der: Uint8Array): NodeId | undefined {
  if (identity.type === 'none') return undefined;
  const matches = (...parts: readonly Uint8Array[]) => {
    const digest = identityHash(identity.hashAlgorithm, ...parts);
    return digest !== undefined && equalBytes(digest, identity.hash);
  };
  if (identity.type === 'cert_hash') return matches(der) ? readCertificate(der).nodeIds[0] : undefined;
  return readCertificate(der).nodeIds.find((nodeId) => matches(idBytes(nodeId), der));
}
