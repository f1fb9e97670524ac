import type { NodeId, ResourceId } from '#reload/wire/ids.ts';

/** What the topology asks of storage when responsibility moves (RFC 6940 §10.4, §10.5, §10.7.3). */
export interface Handover {
  /**
   * Stores a copy of every record whose Resource-ID satisfies `belongs` at `to`; resolves when all were acknowledged or refused, with
   * whether all of them are there now.
   */
  copyTo(to: NodeId, belongs: (resource: ResourceId) => boolean): Promise<boolean>;
  /** The resources that records are held of here, and that satisfy `belongs`. */
  held(belongs: (resource: ResourceId) => boolean): readonly ResourceId[];
  /** Deletes local copies this node should no longer hold, after the hold-down. */
  drop(belongs: (resource: ResourceId) => boolean): Promise<void>;
}
