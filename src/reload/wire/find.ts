import { type Infer, list8, list16, u32 } from '#reload/wire/codec.ts';
import { resourceId } from '#reload/wire/id-codecs.ts';
import { struct } from '#reload/wire/struct.ts';

/** Body of a Find request (RFC 6940 §7.4.4.1). */
export const findReq = struct({ resource: resourceId, kinds: list8(u32) });

/** `closest` is all zeros, or empty, where nothing of the Kind is stored. */
const findKindData = struct({ kind: u32, closest: resourceId });
export type FindKindData = Infer<typeof findKindData>;

/** Body of the answer (RFC 6940 §7.4.4.2). */
export const findAns = struct({ results: list16(findKindData) });
