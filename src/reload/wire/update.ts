import { type Infer, list16, u8, u32 } from '#reload/wire/codec.ts';
import { nodeId } from '#reload/wire/id-codecs.ts';
import { merged, select, struct } from '#reload/wire/struct.ts';

const ids = list16(nodeId);

/** Body of an Update request under CHORD-RELOAD (RFC 6940 §10.7); `uptime` in seconds, fingers ascending. The answer is empty. */
export const chordUpdate = merged(
  struct({ uptime: u32 }),
  select('type', u8, {
    peer_ready: [1, struct({})],
    neighbors: [2, struct({ predecessors: ids, successors: ids })],
    full: [3, struct({ predecessors: ids, successors: ids, fingers: ids })],
  }),
);
export type ChordUpdate = Infer<typeof chordUpdate>;
