import { type Infer, list16, opaque16, u8 } from '#reload/wire/codec.ts';
import { nodeId } from '#reload/wire/id-codecs.ts';
import { select, struct } from '#reload/wire/struct.ts';

/** Body of a Leave request (RFC 6940 §6.4.2.2); under CHORD-RELOAD the data is a `chordLeaveData`. The answer is empty. */
export const leaveReq = struct({ leavingPeerId: nodeId, overlaySpecificData: opaque16 });

/** What a leaving peer hands on (RFC 6940 §10.9): the type says where the leaver stands, seen from the recipient. */
export const chordLeaveData = select('type', u8, {
  from_succ: [1, struct({ successors: list16(nodeId) })],
  from_pred: [2, struct({ predecessors: list16(nodeId) })],
});
export type ChordLeaveData = Infer<typeof chordLeaveData>;
