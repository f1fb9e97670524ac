import { messageOf } from '#platform/failure.ts';
import type { IncomingRequest } from '#reload/messaging/exchange.ts';
import { checkAdjacent } from '#reload/topology/chord/admission.ts';
import type { ChordCore } from '#reload/topology/chord/core.ts';
import { distance } from '#reload/topology/chord/ring.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination } from '#reload/wire/destination.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { type ChordLeaveData, chordLeaveData, leaveReq } from '#reload/wire/leave.ts';

/** Tells every linked peer that this one goes, and waits a little for their answers (RFC 6940 §6.4.2.2, §10.9). */
export async function sendLeaves(core: ChordCore): Promise<void> {
  const { deps, table, options } = core;
  const { predecessors, successors } = table.neighbours();
  const leaves = table.peers().map(async (peer) => {
    const isAhead = distance(table.self, peer) <= distance(peer, table.self);
    // The type says where this node stands, seen from the recipient.
    const data: ChordLeaveData = isAhead ? { type: 'from_pred', predecessors } : { type: 'from_succ', successors };
    try {
      await deps.exchange.request({
        destination: [nodeDestination(peer)],
        code: MessageCode.leaveReq,
        body: encode(leaveReq, { leavingPeerId: table.self, overlaySpecificData: encode(chordLeaveData, data) }),
        firstHop: peer,
        timeoutMs: options.leaveTimeout,
      });
    } catch (error) {
      deps.log.debug('leave not answered', { peer, why: messageOf(error) });
    }
  });
  await Promise.all(leaves);
}

/** Reads a LeaveReq: who goes, and whom it leaves behind for this node to know. */
export function readLeave(request: IncomingRequest): { readonly leaver: NodeId; readonly heirs: readonly NodeId[] } {
  const { leavingPeerId, overlaySpecificData } = decode(leaveReq, request.body);
  checkAdjacent(request, leavingPeerId);
  if (overlaySpecificData.length === 0) return { leaver: leavingPeerId, heirs: [] };
  const data = decode(chordLeaveData, overlaySpecificData);
  return { leaver: leavingPeerId, heirs: data.type === 'from_succ' ? data.successors : data.predecessors };
}
