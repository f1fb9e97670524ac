import { bool, opaque16 } from '#reload/wire/codec.ts';
import { destination } from '#reload/wire/destination.ts';
import { nodeId } from '#reload/wire/id-codecs.ts';
import { struct } from '#reload/wire/struct.ts';

/** Body of a RouteQuery request (RFC 6940 §6.4.2.4); CHORD-RELOAD has nothing specific to say. */
export const routeQueryReq = struct({ sendUpdate: bool, destination, overlaySpecificData: opaque16 });

/** Body of the answer under CHORD-RELOAD: the next hop (RFC 6940 §10.8). */
export const chordRouteQueryAns = struct({ nextPeer: nodeId });
