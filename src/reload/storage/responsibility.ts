import type { NodeId, ResourceId } from '#reload/wire/ids.ts';

/** What storage asks of the topology (RFC 6940 §10.3, §10.4). */
export interface Responsibility {
  isResponsible(resource: ResourceId): boolean;
  /** The nodes that should hold copies of what this node is responsible for: its first two successors, fewer in small rings. */
  replicas(): readonly NodeId[];
  /** Whether a Store with replica_number > 0 from `from` is plausible by this node's own tables. */
  acceptsReplica(resource: ResourceId, from: NodeId): boolean;
}
