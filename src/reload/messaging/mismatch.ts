import type { Destination } from '#reload/wire/destination.ts';
import type { NodeId } from '#reload/wire/ids.ts';

/** A peer refused a request because it lacks Kinds that the request was about (RFC 6940 §7.4.1.2). */
export interface KindLack {
  readonly nodeId: NodeId;
  readonly kinds: readonly number[];
}

/** A message showed that its sender works by another configuration document (RFC 6940 §6.3.2.1). */
export interface ConfigurationMismatch {
  readonly peerIs: 'older' | 'newer';
  readonly nodeId: NodeId;
  /** Leads to the node even where routing does not know it. */
  readonly returnPath: readonly Destination[];
}
