import { list24, opaque16, opaque24 } from '#reload/wire/codec.ts';
import { selectOrKeep, struct } from '#reload/wire/struct.ts';

/**
 * Body of a ConfigUpdate request: a whole configuration document, or kind elements with their signatures, as XML; or a
 * later type's bytes (RFC 6940 §6.5.4.1). The answer is empty.
 */
export const configUpdateReq = selectOrKeep(
  { config: [1, struct({ configData: opaque24 })], kind: [2, struct({ kinds: list24(opaque16) })] },
  4,
);
