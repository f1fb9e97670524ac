import {
  leaveAddress,
  listenAddress,
  type MailboxAddressOptions,
  readMailboxAddress,
} from '#gateway/voice-mail/mailbox-address.ts';
import type { RouteAnswer, RouteQuestion, RouteTarget } from '#sip/adapter/call-router.ts';

export interface MailboxRoutesDeps {
  /** Whether the user has a mailbox at this node. */
  readonly serves: (user: string) => boolean;
  /** Whether the caller is a gateway: it rings the phones of its line as the owner planned, and has voice mail of its own. */
  readonly answersItself: (caller: string) => boolean;
  /** Other nodes of the overlay that may have the mailbox (RFC 7374's service `voice-mail`). */
  readonly elsewhere: (requestUri: string, caller: string, signal: AbortSignal) => Promise<readonly RouteTarget[]>;
}

/** So that the caller's proxy goes on to the next node with voice mail (RFC 3261 §16.7 step 5). */
const NOT_HERE: RouteAnswer = { kind: 'reject', status: 503, phrase: 'No Such Mailbox Here' };
const NOWHERE: RouteAnswer = { kind: 'reject', status: 404, phrase: 'No Mailbox Found' };

/** Ways to mailboxes, here and at other nodes. */
export class MailboxRoutes {
  readonly #deps: MailboxRoutesDeps;
  readonly #options: MailboxAddressOptions & { readonly answerAfterSeconds: number };

  constructor(deps: MailboxRoutesDeps, options: MailboxAddressOptions & { readonly answerAfterSeconds: number }) {
    this.#deps = deps;
    this.#options = options;
  }

  /** The answer to a call to voice mail's own address; undefined for any other. */
  async called(question: RouteQuestion, signal: AbortSignal): Promise<RouteAnswer | undefined> {
    const { requestUri, caller, fromOverlay, method } = question;
    const wanted = method === 'INVITE' ? readMailboxAddress(requestUri, this.#options) : undefined;
    if (wanted === undefined) return undefined;
    const { overlay } = this.#options;
    if (this.#deps.serves(wanted.want === 'leave' ? wanted.user : caller)) return { kind: 'local' };
    if (fromOverlay) return NOT_HERE;
    const address = wanted.want === 'leave' ? leaveAddress(wanted.user, overlay) : listenAddress(overlay);
    const targets = await this.#deps.elsewhere(address, caller, signal);
    return targets.length > 0 ? { kind: 'targets', targets } : NOWHERE;
  }

  /** For how long phones of a user ring before the mailbox here takes the call; undefined when it does not. */
  afterMs(aor: string, { caller, method }: RouteQuestion): number | undefined {
    const { serves, answersItself } = this.#deps;
    if (method !== 'INVITE' || !serves(aor) || answersItself(caller)) return undefined;
    return this.#options.answerAfterSeconds * 1000;
  }

  /** Where a call to a user goes who has no phone registered anywhere; undefined when there is no mailbox. */
  async instead(aor: string, question: RouteQuestion, signal: AbortSignal): Promise<RouteAnswer | undefined> {
    const { caller, fromOverlay, method } = question;
    if (method !== 'INVITE') return undefined;
    if (this.#deps.serves(aor)) return { kind: 'local' };
    if (fromOverlay) return undefined;
    const targets = await this.#deps.elsewhere(leaveAddress(aor, this.#options.overlay), caller, signal);
    return targets.length > 0 ? { kind: 'targets', targets } : undefined;
  }
}
