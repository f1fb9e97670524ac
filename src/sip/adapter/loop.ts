import { createHmac } from 'node:crypto';
import type { Random } from '#platform/random.ts';
import type { SipRequest } from '#sip/message/message.ts';
import { parseVia } from '#sip/message/via.ts';

/**
 * Loop detection of RFC 3261 §16.3 step 4 with the checks of RFC 5393 §4.2: what decides about routing goes into a hash
 * at the end of the branch. It is keyed, because many proxies of one overlay share one sent-by.
 */
export class LoopDetection {
  readonly #key: Uint8Array;

  constructor(deps: { readonly random: Random }) {
    this.#key = deps.random.bytes(16);
  }

  /** The branch suffix of a request as it came in. */
  mark(request: SipRequest): string {
    const parts = [
      request.uri,
      request.fromTag ?? '',
      request.toTag ?? '',
      request.callId,
      String(request.cseq.number),
      ...request.headers.list('Route'),
    ];
    return createHmac('sha256', this.#key).update(parts.join('\n')).digest('hex').slice(0, 24);
  }

  /** Whether this proxy forwarded the very same request before. */
  isLoop(request: SipRequest): boolean {
    const suffix = `.${this.mark(request)}`;
    return request.headers.list('Via').some((via) => parseVia(via).parameters.get('branch')?.endsWith(suffix) === true);
  }
}
