import type { SipResponse } from '#sip/message/message.ts';
import { phraseOf } from '#sip/message/reply.ts';

/** Preferred among 4xx: they tell the caller how to do better (RFC 3261 §16.7 step 6). */
const TELLING: ReadonlySet<number> = new Set([401, 407, 415, 420, 484]);

/**
 * The response a proxy sends when every branch has failed (RFC 3261 §16.7 steps 6 and 7): a 6xx, else one of the lowest
 * class; challenges of all branches are gathered in it, and a 503 of one server is not one of this proxy.
 */
export function bestResponse(responses: readonly SipResponse[]): SipResponse | undefined {
  let best: SipResponse | undefined;
  for (const response of responses) if (best === undefined || rank(response) < rank(best)) best = response;
  if (best === undefined) return undefined;
  if (best.status === 503) return best.with({ status: 500, phrase: phraseOf(500) });
  return best.status === 401 || best.status === 407 ? withAllChallenges(best, responses) : best;
}

function rank({ status }: SipResponse): number {
  if (status >= 600) return 0;
  const telling = TELLING.has(status) ? 0 : 1;
  // A timeout says less than any true answer of its class.
  return Math.floor(status / 100) * 10 + telling + (status === 408 ? 2 : 0);
}

function withAllChallenges(best: SipResponse, responses: readonly SipResponse[]): SipResponse {
  let { headers } = best;
  for (const other of responses) {
    if (other === best || (other.status !== 401 && other.status !== 407)) continue;
    for (const name of ['WWW-Authenticate', 'Proxy-Authenticate']) {
      for (const value of other.headers.list(name)) headers = headers.append(name, value);
    }
  }
  return best.with({ headers });
}
