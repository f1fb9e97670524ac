import { toHex } from '#platform/bytes.ts';
import type { Random } from '#platform/random.ts';
import type { SipRequest } from '#sip/message/message.ts';
import { bracketed } from '#sip/message/uri.ts';
import { MAGIC_COOKIE } from '#sip/message/via.ts';
import type { Flow } from '#sip/transport/flow.ts';

/** A branch of 128 random bits; `suffix` follows after a dot (a proxy's loop detection, RFC 3261 §16.6 step 8). */
export function newBranch(random: Random, suffix?: string): string {
  return `${MAGIC_COOKIE}${toHex(random.bytes(16))}${suffix === undefined ? '' : `.${suffix}`}`;
}

/** A tag or the like with 64 random bits (RFC 3261 §19.3 asks for 32). */
export function newTag(random: Random): string {
  return toHex(random.bytes(8));
}

/** sent-by and the sip-URI host part of messages that leave over a flow. */
export function sentBy(flow: Flow): string {
  const port = flow.localPort === undefined ? '' : `:${flow.localPort}`;
  return `${bracketed(flow.localHost)}${port}`;
}

/** The Via that a request leaving over `flow` gets on top. */
export function viaFor(flow: Flow, branch: string): string {
  return `SIP/2.0/${flow.transport} ${sentBy(flow)};branch=${branch};rport`;
}

/**
 * What a request is matched to server transactions by (RFC 3261 §17.2.3). ACK and CANCEL have the key of their INVITE
 * under its method. Requests without the magic cookie come from RFC 2543 elements.
 */
export function serverKey(request: SipRequest, method: string): string {
  const { via } = request;
  const branch = via.parameters.get('branch');
  if (branch !== undefined && branch.length > MAGIC_COOKIE.length && branch.startsWith(MAGIC_COOKIE)) {
    return `${branch} ${via.host.toLowerCase()}:${via.port ?? ''} ${method}`;
  }
  const top = request.headers.first('Via') ?? '';
  return `2543 ${request.callId} ${request.cseq.number} ${request.fromTag ?? ''} ${request.uri} ${top} ${method}`;
}
