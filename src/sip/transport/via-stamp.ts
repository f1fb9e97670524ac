import type { SipRequest } from '#sip/message/message.ts';
import { unbracketed } from '#sip/message/uri.ts';
import { printVia } from '#sip/message/via.ts';
import type { Flow } from '#sip/transport/flow.ts';

/**
 * Notes in the topmost Via where the request really came from (RFC 3261 §18.2.1, RFC 3581 §4). On overlay connections
 * there is nothing to note: the answer takes the same connection.
 */
export function stampVia(request: SipRequest, flow: Flow): SipRequest {
  if (flow.peer !== undefined) return request;
  const { via } = request;
  const wantsPort = via.parameters.has('rport');
  const differs = unbracketed(via.host).toLowerCase() !== flow.remoteHost;
  // What the sender itself wrote into received= must not survive.
  if (!wantsPort && !differs && !via.parameters.has('received')) return request;
  const parameters = new Map(via.parameters);
  if (wantsPort) parameters.set('rport', String(flow.remotePort));
  parameters.set('received', flow.remoteHost);
  return request.with({ headers: request.headers.replaceFirst('Via', printVia({ ...via, parameters })) });
}
