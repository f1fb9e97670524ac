import { type Infer, list16, list32, opaque32, u8, u32, u64 } from '#reload/wire/codec.ts';
import { nodeId, resourceId } from '#reload/wire/id-codecs.ts';
import { struct } from '#reload/wire/struct.ts';

/** Values of one Kind; `values` is for `decodeStoredData`, since the Kind decides its form (RFC 6940 §7.4.1.1). */
const storeKindData = struct({ kind: u32, generationCounter: u64, values: opaque32 });
export type StoreKindData = Infer<typeof storeKindData>;

/** Body of a Store request; `replicaNumber` is 0 from the owner, 1 and up among replicas (RFC 6940 §7.4.1.1). */
export const storeReq = struct({ resource: resourceId, replicaNumber: u8, kindData: list32(storeKindData) });

const storeKindResponse = struct({ kind: u32, generationCounter: u64, replicas: list16(nodeId) });
export type StoreKindResponse = Infer<typeof storeKindResponse>;

/** Body of the answer (RFC 6940 §7.4.1.2); also the info of Error_Generation_Counter_Too_Low. */
export const storeAns = struct({ kindResponses: list16(storeKindResponse) });
