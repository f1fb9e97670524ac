import type { NodeId, ResourceId } from '#reload/wire/ids.ts';

/** What forwarding asks of the topology plug-in (RFC 6940 §6.1.1, §6.4.1). */
export interface NextHop {
  /** True when a message for this place of the ring ends here. Clients answer false. */
  isResponsible(target: NodeId | ResourceId): boolean;
  /** The linked node to send towards `target`, or undefined when there is none. Never `previousHop` unless it is strictly closer. */
  nextHop(target: NodeId | ResourceId, previousHop?: NodeId): NodeId | undefined;
}
