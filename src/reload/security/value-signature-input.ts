import { concat, uint32Bytes, uint64Bytes } from '#platform/bytes.ts';
import type { SignatureInput } from '#reload/security/identity.ts';
import { idBytes, type ResourceId } from '#reload/wire/ids.ts';
import { encodeStoredDataValue, type StoredDataValue } from '#reload/wire/stored-data.ts';

/** What the signature of a stored value covers; its lifetime is not among it (RFC 6940 §7.1). */
export interface SignedValue {
  readonly resource: ResourceId;
  readonly kind: number;
  /** Milliseconds since 1970. */
  readonly storageTime: bigint;
  readonly value: StoredDataValue;
}

/**
 * resource_id as bare bytes, kind, storage_time, StoredDataValue, SignerIdentity (RFC 6940 §7.1). The index of an array entry counts
 * as 0, since the storing peer assigns it when a value is appended (RFC 6940 §7.4.2.2).
 */
export function valueSignatureInput({ resource, kind, storageTime, value }: SignedValue): SignatureInput {
  const signedValue = value.model === 'array' ? { ...value, index: 0 } : value;
  const head = [idBytes(resource), uint32Bytes(kind), uint64Bytes(storageTime)];
  const body = concat(...head, encodeStoredDataValue(signedValue));
  return (signerIdentity) => concat(body, signerIdentity);
}
