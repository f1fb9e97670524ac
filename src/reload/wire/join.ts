import { opaque16 } from '#reload/wire/codec.ts';
import { nodeId } from '#reload/wire/id-codecs.ts';
import { struct } from '#reload/wire/struct.ts';

/** Body of a Join request (RFC 6940 §6.4.2.1); CHORD-RELOAD has nothing specific to say. */
export const joinReq = struct({ joiningPeerId: nodeId, overlaySpecificData: opaque16 });

/** Body of the answer. */
export const joinAns = struct({ overlaySpecificData: opaque16 });
