import { concat } from '#platform/bytes.ts';
import type { KindConfiguration } from '#reload/overlay-config/configuration.ts';
import type { WriteAttempt } from '#reload/storage/kind.ts';
import { hashToResourceId, idBytes, nodeIdOf } from '#reload/wire/ids.ts';

/** Says why an attempt is refused, or undefined when it is allowed (RFC 6940 §7.3). */
export type AccessPolicy = (attempt: WriteAttempt) => string | undefined;

/** Makes the policy of one Kind. Throws `RangeError` when the Kind lacks what the policy needs. */
export type PolicyFactory = (kind: PolicyParameters) => AccessPolicy;
export type PolicyParameters = Pick<KindConfiguration, 'dataModel' | 'maxNodeMultiple' | 'branchingFactor'>;

/** RFC 6940 §7.3.1. */
export const userMatch: AccessPolicy = ({ resource, signer }) =>
  hashToResourceId(signer.userName) === resource
    ? undefined
    : 'USER-MATCH: the Resource-ID is not the hash of the user name in the certificate';

/** RFC 6940 §7.3.2. The name hashed is the Node-ID's raw bytes. */
export const nodeMatch: AccessPolicy = ({ resource, signer }) =>
  hashToResourceId(idBytes(signer.nodeId)) === resource
    ? undefined
    : 'NODE-MATCH: the Resource-ID is not the hash of the Node-ID that signed';

/** RFC 6940 §7.3.3. */
export const userNodeMatch: AccessPolicy = (attempt) => userMatch(attempt) ?? keyIsSigner(attempt);

/** The dictionary key is the very Node-ID that signed (RFC 6940 §7.3.3, RFC 7374 §5). */
export const keyIsSigner: AccessPolicy = ({ value, signer }) =>
  value.model === 'dictionary' && nodeIdOf(value.key) === signer.nodeId
    ? undefined
    : 'the dictionary key is not the Node-ID that signed';

/** RFC 6940 §7.3.4. The small integer is one byte from 1 on: it is not on the wire, and TurnServer.iteration is a byte. */
export function nodeMultiple(highest: number): AccessPolicy {
  return ({ resource, signer }) => {
    const node = idBytes(signer.nodeId);
    for (let i = 1; i <= highest; i += 1) {
      if (hashToResourceId(concat(node, Uint8Array.of(i))) === resource) return undefined;
    }
    return `NODE-MULTIPLE: the Resource-ID is not the hash of the Node-ID that signed and a number up to ${highest}`;
  };
}

/** The policies of RFC 6940; a Kind of another policy is not supported unless a usage brings it. */
export const BASE_POLICIES: ReadonlyMap<string, PolicyFactory> = new Map<string, PolicyFactory>([
  ['USER-MATCH', () => userMatch],
  ['NODE-MATCH', () => nodeMatch],
  [
    'USER-NODE-MATCH',
    (kind) => {
      requireDictionary(kind);
      return userNodeMatch;
    },
  ],
  [
    'NODE-MULTIPLE',
    (kind) => {
      const highest = kind.maxNodeMultiple;
      if (highest === undefined || highest < 1 || highest > 255) {
        throw new RangeError('NODE-MULTIPLE needs a max-node-multiple of 1 to 255');
      }
      return nodeMultiple(highest);
    },
  ],
]);

/** Throws when a policy that is about dictionary keys is asked of another data model. */
export function requireDictionary(kind: PolicyParameters): void {
  if (kind.dataModel !== 'DICTIONARY') throw new RangeError('the access policy is for dictionaries only');
}
