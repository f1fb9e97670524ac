import { nodeMultiple } from '#reload/storage/access-policy.ts';
import type { BuiltInKind } from '#reload/storage/kind-registry.ts';
import { KindId } from '#reload/wire/codes.ts';

/** How often one server may publish itself (RFC 6940 §9). */
const MAX_ITERATION = 20;
const NO_SERVERS = 'turn-density is 0: the overlay has no TURN servers';

/** RFC 6940 §9. This node stores TURN records of others; it offers no relay itself. */
export const turnKind: BuiltInKind = {
  id: KindId.turnService,
  name: 'TURN-SERVICE',
  dataModel: 'single',
  maxCount: 1,
  maxSize: 64,
  valueFormat: 'TurnServer',
  resourceName: 'the raw bytes of the Node-ID and one byte from 1 on',
  merge: 'latest-storage-time',
  policy: ({ turnDensity }, element) =>
    // RFC 6940 §11.1: density 0 says that the overlay has no TURN servers.
    turnDensity === 0 ? () => NO_SERVERS : nodeMultiple(Math.min(element?.maxNodeMultiple ?? MAX_ITERATION, 255)),
};
