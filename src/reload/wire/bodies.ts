import { appAttach } from '#reload/wire/app-attach.ts';
import { attach } from '#reload/wire/attach.ts';
import type { Codec } from '#reload/wire/codec.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { configUpdateReq } from '#reload/wire/config-update.ts';
import { pathTrackAns, pathTrackReq } from '#reload/wire/diagnostics.ts';
import { errorResponse } from '#reload/wire/error.ts';
import { fetchAns, fetchReq } from '#reload/wire/fetch.ts';
import { findAns, findReq } from '#reload/wire/find.ts';
import { joinAns, joinReq } from '#reload/wire/join.ts';
import { leaveReq } from '#reload/wire/leave.ts';
import { pingAns, pingReq } from '#reload/wire/ping.ts';
import { probeAns, probeReq } from '#reload/wire/probe.ts';
import { chordRouteQueryAns, routeQueryReq } from '#reload/wire/route-query.ts';
import { statAns } from '#reload/wire/stat.ts';
import { storeAns, storeReq } from '#reload/wire/store.ts';
import { struct } from '#reload/wire/struct.ts';
import { chordUpdate } from '#reload/wire/update.ts';

/** The body of answers that have nothing to say. */
const emptyBody = struct({});

/** The codec of the body that belongs to each message code, with CHORD-RELOAD as topology plug-in. */
const BODIES: ReadonlyMap<number, Codec<object>> = new Map<number, Codec<object>>([
  [MessageCode.probeReq, probeReq],
  [MessageCode.probeAns, probeAns],
  [MessageCode.attachReq, attach],
  [MessageCode.attachAns, attach],
  [MessageCode.storeReq, storeReq],
  [MessageCode.storeAns, storeAns],
  [MessageCode.fetchReq, fetchReq],
  [MessageCode.fetchAns, fetchAns],
  [MessageCode.findReq, findReq],
  [MessageCode.findAns, findAns],
  [MessageCode.joinReq, joinReq],
  [MessageCode.joinAns, joinAns],
  [MessageCode.leaveReq, leaveReq],
  [MessageCode.leaveAns, emptyBody],
  [MessageCode.updateReq, chordUpdate],
  [MessageCode.updateAns, emptyBody],
  [MessageCode.routeQueryReq, routeQueryReq],
  [MessageCode.routeQueryAns, chordRouteQueryAns],
  [MessageCode.pingReq, pingReq],
  [MessageCode.pingAns, pingAns],
  [MessageCode.statReq, fetchReq],
  [MessageCode.statAns, statAns],
  [MessageCode.appAttachReq, appAttach],
  [MessageCode.appAttachAns, appAttach],
  [MessageCode.configUpdateReq, configUpdateReq],
  [MessageCode.configUpdateAns, emptyBody],
  [MessageCode.pathTrackReq, pathTrackReq],
  [MessageCode.pathTrackAns, pathTrackAns],
  [MessageCode.error, errorResponse],
]);

/** Undefined for codes that nobody here knows. */
export function bodyCodec(code: number): Codec<object> | undefined {
  return BODIES.get(code);
}
