import { nodeMatch, userMatch } from '#reload/storage/access-policy.ts';
import type { BuiltInKind } from '#reload/storage/kind-registry.ts';
import { KindId } from '#reload/wire/codes.ts';

/** Room for an old and a renewed certificate of every node of a user; every node stores its own, so defaults are needed. */
const SHARED = {
  dataModel: 'array',
  maxCount: 8,
  maxSize: 8192,
  valueFormat: 'a certificate in DER',
  merge: 'latest-storage-time',
} as const;

/** RFC 6940 §8: values are bare DER, at the hash of the Node-ID and of the user name. */
export const certificateKinds: readonly BuiltInKind[] = [
  {
    id: KindId.certificateByNode,
    name: 'CERTIFICATE_BY_NODE',
    ...SHARED,
    resourceName: 'the raw bytes of the Node-ID',
    policy: () => nodeMatch,
  },
  {
    id: KindId.certificateByUser,
    name: 'CERTIFICATE_BY_USER',
    ...SHARED,
    resourceName: 'the user name in UTF-8',
    // The hashes of all user names are a list of all users.
    unlisted: true,
    policy: () => userMatch,
  },
];
