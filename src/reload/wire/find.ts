import { type Codec, type Infer, list8, list16, u32 } from '#reload/wire/codec.ts';
import { resourceId } from '#reload/wire/id-codecs.ts';
import { wireFailure } from '#reload/wire/reader.ts';
import { struct } from '#reload/wire/struct.ts';

const kindList = list8(u32);

/** Nothing with a Kind twice is written; where it is read, the answer is an error of its own. */
const distinctKinds: Codec<readonly number[]> = {
  ...kindList,
  write(writer, kinds) {
    if (new Set(kinds).size < kinds.length) throw wireFailure('bad-value', 'each Kind may be asked for once');
    kindList.write(writer, kinds);
  },
};

/** Body of a Find request (RFC 6940 §7.4.4.1). */
export const findReq = struct({ resource: resourceId, kinds: distinctKinds });

/** `closest` is all zeros, or empty, where nothing of the Kind is stored. */
const findKindData = struct({ kind: u32, closest: resourceId });
export type FindKindData = Infer<typeof findKindData>;

/** Body of the answer (RFC 6940 §7.4.4.2). */
export const findAns = struct({ results: list16(findKindData) });
