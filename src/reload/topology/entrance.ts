import type { Clock } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { Attaching, TopologyFault } from '#reload/topology/chord/core.ts';
import { resourceDestination } from '#reload/wire/destination.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';

/**
 * How long an entrance may take to lead into the overlay, in milliseconds: long enough for one repetition of the request. An entrance that
 * looks for the overlay itself drops what it cannot route, and there may be better ones.
 */
export const ENTRANCE_PATIENCE = 4000;

/** Attaches through a linked node to the peer that answers for `place`. Rejects with `Failure<TopologyFault>` when that takes too long. */
export async function attachThrough(
  deps: { readonly attacher: Attaching; readonly clock: Clock },
  entrance: NodeId,
  place: ResourceId,
  signal: AbortSignal,
): Promise<NodeId> {
  const patience = new AbortController();
  const timer = deps.clock.after(ENTRANCE_PATIENCE, () =>
    patience.abort(new Failure<TopologyFault>({ code: 'no-contact' }, 'the entrance does not lead into the overlay')),
  );
  try {
    const { nodeId } = await deps.attacher.attach([resourceDestination(place)], {
      sendUpdate: true,
      firstHop: entrance,
      signal: AbortSignal.any([signal, patience.signal]),
    });
    if (nodeId !== undefined) return nodeId;
  } finally {
    timer.cancel();
  }
  throw new Failure<TopologyFault>({ code: 'no-contact' }, 'the link to the peer that answered has no Node-ID');
}
