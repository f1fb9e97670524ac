import { nodeMatch, userMatch } from '#reload/storage/access-policy.ts';
import type { BuiltInKind } from '#reload/storage/kind-registry.ts';
import { KindId } from '#reload/wire/codes.ts';

/** Room for an old and a renewed certificate of every node of a user; every node stores its own, so defaults are needed. */
const LIMITS = { dataModel: 'array', maxCount: 8, maxSize: 8192 } as const;

/** RFC 6940 §8: values are bare DER, at the hash of the Node-ID and of the user name. */
export const certificateKinds: readonly BuiltInKind[] = [
  { id: KindId.certificateByNode, name: 'CERTIFICATE_BY_NODE', ...LIMITS, policy: () => nodeMatch },
  { id: KindId.certificateByUser, name: 'CERTIFICATE_BY_USER', ...LIMITS, policy: () => userMatch },
];
