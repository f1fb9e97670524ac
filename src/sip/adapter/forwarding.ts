import type { FlowTokens } from '#sip/adapter/flow-tokens.ts';
import { recordRoutes } from '#sip/adapter/own-routes.ts';
import type { Outgoing } from '#sip/adapter/response-context.ts';
import type { Headers } from '#sip/message/headers.ts';
import type { SipRequest } from '#sip/message/message.ts';
import { printNameAddress } from '#sip/message/name-address.ts';
import { parseNumber } from '#sip/message/scalars.ts';
import type { Flow } from '#sip/transport/flow.ts';

/** Methods that make a dialog: for them the proxy stays in the path. */
const DIALOG_METHODS: ReadonlySet<string> = new Set(['INVITE', 'SUBSCRIBE', 'REFER']);

export interface ForwardTo {
  readonly uri: string;
  readonly from: Flow;
  readonly to: Flow;
}

/** The request as it is sent to one target (RFC 3261 §16.6 steps 1 to 5). */
export function forwarded(tokens: FlowTokens, request: SipRequest, { uri, from, to }: ForwardTo): Outgoing {
  let headers = withFewerForwards(request.headers);
  if (DIALOG_METHODS.has(request.method) && request.toTag === undefined) {
    const [near, far] = recordRoutes(tokens, from, to);
    headers = headers.prepend('Record-Route', far).prepend('Record-Route', near);
  }
  // RFC 3325 §5, RFC 3323: to someone outside who must not see it, the asserted identity is not sent.
  if (to.peer === undefined && wantsPrivacy(request)) headers = headers.without('P-Asserted-Identity');
  return { request: request.with({ uri, headers }), flow: to };
}

/** RFC 3261 §16.6 step 3. That it is not 0 has been checked. */
export function withFewerForwards(headers: Headers): Headers {
  const stated = headers.value('Max-Forwards');
  const left = stated === undefined ? 70 : Math.max(0, parseNumber(stated, 'Max-Forwards', 255) - 1);
  return headers.set('Max-Forwards', String(left));
}

/**
 * The request with the identity this proxy vouches for (RFC 3325 §5): what the sender claims is taken off, and the name
 * it was authenticated by put there. A trusted peer's claim stays.
 */
export function withIdentity(
  request: SipRequest,
  identity: { readonly caller: string; readonly isTrusted: boolean },
): SipRequest {
  const isVouched = identity.isTrusted && request.headers.has('P-Asserted-Identity');
  const headers = request.headers.without('P-Preferred-Identity', 'Proxy-Authorization');
  if (isVouched) return request.with({ headers });
  const asserted = printNameAddress(`sip:${identity.caller}`);
  return request.with({ headers: headers.without('P-Asserted-Identity').append('P-Asserted-Identity', asserted) });
}

function wantsPrivacy(request: SipRequest): boolean {
  const values = (request.headers.value('Privacy') ?? '').toLowerCase().split(/[;,]/);
  return values.some((value) => value.trim() === 'id');
}
