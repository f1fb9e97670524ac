import type { Random } from '#platform/random.ts';
import { type NodeId, nodeIdOf, WILDCARD_NODE_ID, ZERO_NODE_ID } from '#reload/wire/ids.ts';

/** Unpredictable Node-IDs, the reserved ones left out (RFC 6940 §11.3, §3). */
export function randomNodeIds(random: Random, count: number, lengthInBytes = 16): readonly NodeId[] {
  const ids = new Set<NodeId>();
  while (ids.size < count) {
    const id = nodeIdOf(random.bytes(lengthInBytes));
    if (id !== WILDCARD_NODE_ID && id !== ZERO_NODE_ID) ids.add(id);
  }
  return [...ids];
}
