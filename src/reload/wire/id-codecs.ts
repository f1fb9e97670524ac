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
    const length = lengthOf(id);
    if (length !== writer.nodeIdLength) {
      throw wireFailure('bad-value', `a Node-ID has ${writer.nodeIdLength} bytes, not ${length}`);
    }
    if (isZero(id)) throw wireFailure('zero-node-id', 'the all-zero Node-ID must not travel');
    writer.hex(id, length);
  },
};

/** A Resource-ID behind its length (RFC 6940 §6.3.1.1). */
export const resourceId: Codec<ResourceId> = {
  shape: { type: 'plain' },
  read(reader) {
    const bytes = reader.opaque(1);
    checkLength(bytes.length);
    return resourceIdOf(bytes);
  },
  write(writer, id) {
    const length = lengthOf(id);
    checkLength(length);
    writer.u8(length);
    writer.hex(id, length);
  },
};

function checkLength(length: number): void {
  if (length > MAX_RESOURCE_ID) {
    throw wireFailure('out-of-range', `a Resource-ID has at most ${MAX_RESOURCE_ID} bytes, not ${length}`);
  }
}

function isZero(id: NodeId): boolean {
  return id.charCodeAt(0) === 0x30 && /^0+$/.test(id);
}

/** The number of bytes that `id` stands for. */
function lengthOf(id: NodeId | ResourceId): number {
  if (typeof id !== 'string' || id.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(id)) {
    throw wireFailure('bad-value', 'an id is written as hexadecimal digits');
  }
  return id.length / 2;
}
