import { toHex } from '#platform/bytes.ts';
import { type Clock, delay, type Timer } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import type { Authenticator } from '#sip/adapter/authenticator.ts';
import type { Bindings } from '#sip/adapter/bindings.ts';
import { calledDialog } from '#sip/dialog/dialog.ts';
import { targetOf } from '#sip/dialog/target.ts';
import { Headers } from '#sip/message/headers.ts';
import { SipRequest, type SipResponse } from '#sip/message/message.ts';
import { replyTo } from '#sip/message/reply.ts';
import { acceptsSummary, eventOf, mailboxAsked, secondsAsked } from '#sip/mwi/subscribe-request.ts';
import { noticeFields, notify, refreshed, type Subscription, type Termination } from '#sip/mwi/subscription.ts';
import { type MailSummary, printSummary, SUMMARY_TYPE } from '#sip/mwi/summary.ts';
import { newTag } from '#sip/transaction/identifiers.ts';
import type { TransactionLayer } from '#sip/transaction/layer.ts';
import type { ServerTransaction } from '#sip/transaction/server-transaction.ts';
import type { Flow } from '#sip/transport/flow.ts';
import { contactFor } from '#sip/ua/context.ts';

/** Declared by SIP, answered by whoever has the mailboxes. */
export interface MailboxWatch {
  /** Undefined for a user without mailbox. */
  summary(aor: string): MailSummary | undefined;
  /** What a phone calls to listen. */
  readonly account: string;
  /** Whether registered phones without a subscription are told too. */
  readonly unsolicited: boolean;
}

export interface MwiDeps {
  readonly transactions: TransactionLayer;
  readonly authenticator: Authenticator;
  readonly bindings: Bindings;
  readonly watch: MailboxWatch;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Seconds (RFC 3842 §3.4: hours or days). */
const LEAST_SECONDS = 30;
const MOST_SECONDS = 86_400;
const MAX_SUBSCRIPTIONS = 1024;
const MAX_PER_MAILBOX = 16;
/** RFC 3842 §3.11. */
const BETWEEN_NOTICES_MS = 1000;
const BYE_MS = 1000;

interface Live {
  subscription: Subscription;
  /** Ends the subscription. */
  expiry: Timer | undefined;
  /** Until the next NOTIFY may leave. */
  pause: Timer | undefined;
  /** Something changed during the pause. */
  isStale: boolean;
}

/** Tells phones of messages that wait (RFC 3842), each under its own subscription (RFC 6665 §4.2). */
export class MwiNotifier {
  readonly #deps: MwiDeps;
  readonly #live = new Map<string, Live>();

  constructor(deps: MwiDeps) {
    this.#deps = deps;
  }

  get subscriptions(): number {
    return this.#live.size;
  }

  /** Answers a SUBSCRIBE for message waiting. Throws `Failure<SipMessageFault>` when a field is malformed. */
  async request(transaction: ServerTransaction): Promise<void> {
    const { request, flow } = transaction;
    const refusal = await this.#subscribe(transaction, await this.#mailboxesOf(request, flow));
    if (refusal !== undefined) transaction.respond(refusal);
  }

  /** A mailbox holds something else than before. */
  changed(aor: string): void {
    const watching = [...this.#live.values()].filter(({ subscription }) => subscription.aor === aor);
    for (const live of watching) this.#tell(live);
    if (watching.length === 0) this.#tellUnasked(aor);
  }

  /** Phones that never subscribe learn the state when they register. */
  registered(aor: string): void {
    const isWatched = [...this.#live.values()].some(({ subscription }) => subscription.aor === aor);
    if (!isWatched) this.#tellUnasked(aor);
  }

  /** Tells every subscriber that it is over (RFC 3842 §3.8). Waits a moment for their answers. */
  async stop(): Promise<void> {
    const all = [...this.#live.values()];
    if (all.length === 0) return;
    const told = Promise.all(all.map((live) => this.#terminate(live, 'deactivated')));
    await Promise.race([told, delay(this.#deps.clock, BYE_MS)]);
  }

  /** Whose mailboxes the sender may watch, or how to refuse. */
  async #mailboxesOf(request: SipRequest, flow: Flow): Promise<readonly string[] | SipResponse> {
    if (flow.peer !== undefined) return [flow.peer.name];
    const verdict = await this.#deps.authenticator.verify(request, 401, flow.remoteHost);
    return 'refusal' in verdict ? verdict.refusal : verdict.account.aors;
  }

  async #subscribe(
    transaction: ServerTransaction,
    allowed: readonly string[] | SipResponse,
  ): Promise<SipResponse | undefined> {
    if ('status' in allowed) return allowed;
    const { request } = transaction;
    const seconds = Math.min(MOST_SECONDS, secondsAsked(request));
    const toTag = newTag(this.#deps.random);
    if (!acceptsSummary(request)) return replyTo(request, 406, { toTag, fields: [['Accept', SUMMARY_TYPE]] });
    if (seconds > 0 && seconds < LEAST_SECONDS) {
      return replyTo(request, 423, { toTag, fields: [['Min-Expires', String(LEAST_SECONDS)]] });
    }
    if (request.toTag !== undefined) return this.#refresh(transaction, seconds, allowed);
    const aor = mailboxAsked(request, allowed);
    if (aor === undefined) return replyTo(request, 403, { toTag });
    if (this.#deps.watch.summary(aor) === undefined) return replyTo(request, 404, { toTag });
    if (!this.#hasRoom(aor)) return replyTo(request, 503, { toTag, fields: [['Retry-After', '60']] });
    const subscription = {
      aor,
      dialog: calledDialog(request, toTag),
      flow: await this.#flowTo(transaction),
      eventId: eventOf(request)?.id,
      expiresAt: this.#deps.clock.now() + seconds * 1000,
    };
    const live: Live = { subscription, expiry: undefined, pause: undefined, isStale: false };
    this.#live.set(keyOf(subscription.dialog), live);
    this.#accept(transaction, live, { seconds, toTag });
    return undefined;
  }

  async #refresh(
    transaction: ServerTransaction,
    seconds: number,
    allowed: readonly string[],
  ): Promise<SipResponse | undefined> {
    const { request } = transaction;
    const flow = await this.#flowTo(transaction);
    const { callId, toTag = '', fromTag = '' } = request;
    const live = this.#live.get(keyOf({ callId, localTag: toTag, remoteTag: fromTag }));
    if (live === undefined) return replyTo(request, 481);
    if (!allowed.includes(live.subscription.aor)) return replyTo(request, 403);
    const expiresAt = this.#deps.clock.now() + seconds * 1000;
    const next = refreshed(live.subscription, request, { flow, expiresAt });
    if (next === undefined) return replyTo(request, 500);
    live.subscription = next;
    this.#accept(transaction, live, { seconds, toTag });
    return undefined;
  }

  /** The answer, and at once a NOTIFY with the state (RFC 3842 §3.8); without any time left it is the last one. */
  #accept(
    transaction: ServerTransaction,
    live: Live,
    { seconds, toTag }: { readonly seconds: number; readonly toTag: string },
  ): void {
    const contact = this.#contact(live.subscription.flow);
    transaction.respond(
      replyTo(transaction.request, 200, {
        toTag,
        fields: [
          ['Contact', contact],
          ['Expires', String(seconds)],
        ],
      }),
    );
    live.expiry?.cancel();
    if (seconds === 0) {
      void this.#terminate(live, 'timeout');
      return;
    }
    live.expiry = this.#deps.clock.after(seconds * 1000, () => void this.#terminate(live, 'timeout'));
    void this.#send(live, undefined);
  }

  /** At most one a second, the latest state in the end. */
  #tell(live: Live): void {
    if (live.pause === undefined) void this.#send(live, undefined);
    else live.isStale = true;
  }

  async #terminate(live: Live, reason: Termination): Promise<void> {
    if (!this.#forget(live)) return;
    await this.#send(live, reason);
  }

  #forget(live: Live): boolean {
    live.expiry?.cancel();
    live.pause?.cancel();
    return this.#live.delete(keyOf(live.subscription.dialog));
  }

  /** Resolves once the phone answered or did not. */
  async #send(live: Live, terminated: Termination | undefined): Promise<void> {
    const { clock, watch } = this.#deps;
    const { aor, flow } = live.subscription;
    const contact = this.#contact(flow);
    const summary = watch.summary(aor) ?? { new: 0, old: 0 };
    const notice = { summary, account: watch.account, contact, terminated };
    const { request, subscription } = notify(live.subscription, notice, clock.now());
    live.subscription = subscription;
    if (terminated === undefined) this.#pause(live);
    const status = await this.#exchange(request, flow);
    // RFC 6665 §4.2.2: a phone that does not know the subscription, or does not answer, has none.
    const isGone = status === undefined || status === 404 || status === 481 || status === 489;
    if (isGone && this.#forget(live)) this.#deps.log.debug('subscription gone', { aor, status });
  }

  #pause(live: Live): void {
    live.pause?.cancel();
    live.isStale = false;
    live.pause = this.#deps.clock.after(BETWEEN_NOTICES_MS, () => {
      live.pause = undefined;
      if (live.isStale) void this.#send(live, undefined);
    });
  }

  /** The final status; undefined when none came. */
  #exchange(request: SipRequest, flow: Flow): Promise<number | undefined> {
    return new Promise((resolve) => {
      this.#deps.transactions.send(request, flow, {
        response: ({ status }) => status >= 200 && resolve(status),
        failed: () => resolve(undefined),
      });
    });
  }

  #tellUnasked(aor: string): void {
    const { watch, bindings, log } = this.#deps;
    const summary = watch.unsolicited ? watch.summary(aor) : undefined;
    if (summary === undefined) return;
    for (const { uri, flowKey } of bindings.of(aor)) {
      this.#sendUnasked({ aor, uri, flowKey }, summary).catch((thrown) => {
        log.debug('phone not told of messages', { aor, reason: messageOf(thrown) });
      });
    }
  }

  async #sendUnasked(
    to: { readonly aor: string; readonly uri: string; readonly flowKey: string | undefined },
    summary: MailSummary,
  ): Promise<void> {
    const { transactions, random, watch } = this.#deps;
    const target = targetOf(to.uri);
    const known = to.flowKey === undefined ? undefined : transactions.transport.flowOf(to.flowKey);
    const flow = known ?? (target && (await transactions.transport.flowTo(target)));
    if (flow === undefined) return;
    const headers = Headers.of([
      ['Max-Forwards', '70'],
      ['From', `<${watch.account}>;tag=${newTag(random)}`],
      ['To', `<sip:${to.aor}>`],
      ['Call-ID', toHex(random.bytes(16))],
      ['CSeq', '1 NOTIFY'],
      ...noticeFields('active', this.#contact(flow)),
    ]);
    const body = printSummary(summary, watch.account);
    await this.#exchange(new SipRequest({ method: 'NOTIFY', uri: to.uri, headers, body }), flow);
  }

  /** A phone that asks for rport wants to be reached where its packets come from. */
  async #flowTo({ request, flow }: ServerTransaction): Promise<Flow> {
    if (flow.reliable || request.via.parameters.has('rport')) return flow;
    const target = targetOf(calledDialog(request, '').remoteTarget);
    return target === undefined ? flow : this.#deps.transactions.transport.flowTo(target).catch(() => flow);
  }

  #hasRoom(aor: string): boolean {
    const watching = [...this.#live.values()].filter(({ subscription }) => subscription.aor === aor).length;
    return this.#live.size < MAX_SUBSCRIPTIONS && watching < MAX_PER_MAILBOX;
  }

  #contact(flow: Flow): string {
    return contactFor(flow, this.#deps.watch.account);
  }
}

function keyOf(dialog: { readonly callId: string; readonly localTag: string; readonly remoteTag: string }): string {
  return `${dialog.callId} ${dialog.localTag} ${dialog.remoteTag}`;
}
