import { createHash } from 'node:crypto';
import { type NodeId, nodeIdOf } from '#reload/wire/ids.ts';

/**
 * The Node-IDs a self-signed certificate has by its key (RFC 6940 §11.3.1): the high-order bits of the digest of the
 * SubjectPublicKeyInfo; with several Node-IDs each one's index from 1 goes before it as four bytes.
 */
export function selfSignedNodeIds(
  publicKeyInfo: Uint8Array,
  digest: 'sha1' | 'sha256',
  count: number,
  lengthInBytes: number,
): readonly NodeId[] {
  return Array.from({ length: count }, (_, i) => {
    const hash = createHash(digest);
    if (count > 1) {
      const index = Buffer.alloc(4);
      index.writeUInt32BE(i + 1);
      hash.update(index);
    }
    return nodeIdOf(hash.update(publicKeyInfo).digest().subarray(0, lengthInBytes));
  });
}
