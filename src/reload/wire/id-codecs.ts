import { fromHex } from '#platform/bytes.ts';
import type { Codec } from '#reload/wire/codec.ts';
import { type NodeId, nodeIdOf, type ResourceId, resourceIdOf } from '#reload/wire/ids.ts';
import { wireFailure } from '#reload/wire/reader.ts';

/** A Resource-ID has at most 254 bytes (RFC 6940 §6.3.1.1). */
const MAX_RESOURCE_ID = 254;

/** A Node-ID as it stands, without a length (RFC 6940 §6.3.1.1). */
export const nodeId: Codec<NodeId> = {
  shape: { type: 'plain' },
  read(reader) {
    const id = nodeIdOf(reader.raw(reader.nodeIdLength));
    if (isZero(id)) throw wireFailure('zero-node-id', 'the all-zero Node-ID must not travel');
    return id;
  },
  write(writer, id) {
    const bytes = bytesOf(id);
    if (bytes.length !== writer.nodeIdLength) {
      throw wireFailure('bad-value', `a Node-ID has ${writer.nodeIdLength} bytes, not ${bytes.length}`);
    }
    if (isZero(id)) throw wireFailure('zero-node-id', 'the all-zero Node-ID must not travel');
    writer.raw(bytes);
  },
};

/** A Resource-ID behind its length (RFC 6940 §6.3.1.1). */
export const resourceId: Codec<ResourceId> = {
  shape: { type: 'plain' },
  read(reader) {
    const bytes = reader.opaque(1);
    checkLength(bytes);
    return resourceIdOf(bytes);
  },
  write(writer, id) {
    const bytes = bytesOf(id);
    checkLength(bytes);
    writer.opaque(1, bytes);
  },
};

function checkLength(bytes: Uint8Array): void {
  if (bytes.length > MAX_RESOURCE_ID) {
    throw wireFailure('out-of-range', `a Resource-ID has at most ${MAX_RESOURCE_ID} bytes, not ${bytes.length}`);
  }
}

function isZero(id: NodeId): boolean {
  return id.charCodeAt(0) === 0x30 && /^0+$/.test(id);
}

function bytesOf(id: NodeId | ResourceId): Uint8Array {
  const bytes = typeof id === 'string' ? fromHex(id) : undefined;
  if (bytes === undefined) throw wireFailure('bad-value', 'an id is written as hexadecimal digits');
  return bytes;
}
