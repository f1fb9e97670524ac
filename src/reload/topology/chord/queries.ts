import type { IncomingRequest, Response } from '#reload/messaging/exchange.ts';
import { refuse } from '#reload/messaging/refusal.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { ErrorCode } from '#reload/wire/codes.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';
import { type ProbeInformation, ProbeInformationType, probeAns, probeReq } from '#reload/wire/probe.ts';
import { chordRouteQueryAns, routeQueryReq } from '#reload/wire/route-query.ts';

/** RouteQuery (RFC 6940 §6.4.2.4, §10.8): names the peer that recursive routing would go to. */
export function answerRouteQuery(
  request: IncomingRequest,
  nextPeer: (target: NodeId | ResourceId) => NodeId | undefined,
): { readonly response: Response; readonly sendUpdate: boolean } {
  const { destination, sendUpdate } = decode(routeQueryReq, request.body);
  // Opaque ids may be there to hide who is behind them (RFC 6940 §6.4.2.4.1).
  if (destination.type !== 'node' && destination.type !== 'resource')
    throw refuse(ErrorCode.forbidden, 'only Node-IDs and Resource-IDs are looked up');
  const next = nextPeer(destination.id);
  if (next === undefined) throw refuse(ErrorCode.notFound, 'no route from here');
  return { response: { body: encode(chordRouteQueryAns, { nextPeer: next }) }, sendUpdate };
}

/** What Probe may ask of a peer (RFC 6940 §6.4.2.5). */
export interface Probed {
  /** Part of the ring, in parts per billion. */
  readonly share: number;
  readonly resources: number;
  /** Seconds. */
  readonly uptime: number;
}

/** Answers what was asked for, in that order, each at most once; types that this program does not know are left out. */
export function answerProbe(request: IncomingRequest, probed: Probed): Response {
  const asked = new Set(decode(probeReq, request.body).requestedInfo);
  const probeInfo = [...asked].flatMap((type): readonly ProbeInformation[] => {
    if (type === ProbeInformationType.responsibleSet) return [{ type: 'responsible_set', value: probed.share }];
    if (type === ProbeInformationType.numResources) return [{ type: 'num_resources', value: probed.resources }];
    return type === ProbeInformationType.uptime ? [{ type: 'uptime', value: probed.uptime }] : [];
  });
  return { body: encode(probeAns, { probeInfo }) };
}
