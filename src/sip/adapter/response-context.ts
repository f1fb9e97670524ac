import type { Clock, Timer } from '#platform/clock.ts';
import type { Random } from '#platform/random.ts';
import { bestResponse } from '#sip/adapter/best-response.ts';
import type { SipRequest, SipResponse } from '#sip/message/message.ts';
import { replyTo } from '#sip/message/reply.ts';
import type { ClientTransaction } from '#sip/transaction/client-transaction.ts';
import { newTag } from '#sip/transaction/identifiers.ts';
import type { TransactionLayer } from '#sip/transaction/layer.ts';
import type { ServerTransaction } from '#sip/transaction/server-transaction.ts';
import type { Flow } from '#sip/transport/flow.ts';

export interface ResponseContextDeps {
  readonly transactions: TransactionLayer;
  readonly clock: Clock;
  readonly random: Random;
}

export interface ResponseContextOptions {
  readonly transaction: ServerTransaction;
  /** How long an INVITE branch may ring: Timer C, more than three minutes (RFC 3261 §16.6 step 11). */
  readonly timerC: number;
  readonly branchSuffix: string;
}

/** A request ready to be sent, without this proxy's Via. */
export interface Outgoing {
  readonly request: SipRequest;
  readonly flow: Flow;
}

/** How a round of forking ended: a 2xx went back, or the final statuses of its branches. */
export type RoundOutcome =
  | { readonly answered: true }
  | { readonly answered: false; readonly statuses: readonly number[] };

interface Branch {
  readonly flow: Flow;
  client: ClientTransaction | undefined;
  timer: Timer | undefined;
  /** Its final status, 0 until there is one. */
  status: number;
  isCancelled: boolean;
}

/** The response context of one forwarded request (RFC 3261 §16.7). */
export class ResponseContext {
  readonly #deps: ResponseContextDeps;
  readonly #options: ResponseContextOptions;
  readonly #branches: Branch[] = [];
  readonly #finals: SipResponse[] = [];
  readonly #cancelled = new AbortController();
  #answered = false;
  #roundEnded: () => void = () => {};

  constructor(deps: ResponseContextDeps, options: ResponseContextOptions) {
    this.#deps = deps;
    this.#options = options;
    options.transaction.observe({
      cancelled: (reason) => {
        this.#cancelled.abort();
        this.#cancelBranches(reason);
      },
      failed: () => this.#cancelBranches(undefined),
    });
  }

  /** Aborts when the caller cancelled. */
  get cancelled(): AbortSignal {
    return this.#cancelled.signal;
  }

  /**
   * Sends the requests at once and waits until each has its final answer, or one has a 2xx. Branches that go on for longer than
   * `mostMs` are cancelled.
   */
  async round(outgoing: readonly Outgoing[], mostMs?: number): Promise<RoundOutcome> {
    if (this.#cancelled.signal.aborted) return { answered: false, statuses: [487] };
    const first = this.#branches.length;
    const ended = new Promise<void>((resolve) => {
      this.#roundEnded = resolve;
    });
    // All branches must be there before the first answer can come, so that it can cancel them.
    const started = outgoing.map(({ request, flow }) => ({ branch: this.#addBranch(flow), request }));
    for (const { branch, request } of started) this.#start(branch, request);
    this.#checkRound();
    const limit =
      mostMs === undefined ? undefined : this.#deps.clock.after(mostMs, () => this.#cancelBranches(undefined));
    await ended;
    limit?.cancel();
    if (this.#answered) return { answered: true };
    return { answered: false, statuses: this.#branches.slice(first).map(({ status }) => status) };
  }

  /** Takes note of a failure that no response came for. */
  note(status: number, phrase?: string): void {
    const { transaction } = this.#options;
    this.#finals.push(
      replyTo(transaction.request, status, {
        toTag: newTag(this.#deps.random),
        ...(phrase === undefined ? {} : { phrase }),
      }),
    );
  }

  /** Sends the best of the failures. */
  finish(): void {
    if (this.#answered) return;
    if (this.#cancelled.signal.aborted) this.note(487);
    const best = bestResponse(this.#finals);
    if (best !== undefined) this.#options.transaction.respond(best);
  }

  #addBranch(flow: Flow): Branch {
    const branch: Branch = { flow, client: undefined, timer: undefined, status: 0, isCancelled: false };
    this.#branches.push(branch);
    return branch;
  }

  #start(branch: Branch, request: SipRequest): void {
    const { transactions } = this.#deps;
    const { branchSuffix } = this.#options;
    if (request.method === 'INVITE') this.#ring(branch);
    const observer = {
      response: (response: SipResponse) => this.#onResponse(branch, response),
      failed: (cause: 'timeout' | 'transport') => this.#onFailure(branch, cause === 'timeout' ? 408 : 503),
    };
    branch.client = transactions.send(request, branch.flow, observer, { branchSuffix });
  }

  /** Starts Timer C anew, as each provisional response does (RFC 3261 §16.7 step 2). */
  #ring(branch: Branch): void {
    branch.timer?.cancel();
    branch.timer = this.#deps.clock.after(this.#options.timerC, () => {
      // RFC 3261 §16.8: a branch that answered provisionally is cancelled, any other counts as timed out.
      if (branch.client?.state === 'proceeding') this.#cancel(branch, undefined);
      else this.#onFailure(branch, 408);
    });
  }

  #onResponse(branch: Branch, received: SipResponse): void {
    const response = withoutOwnVia(received, branch.flow);
    if (response.status < 200) this.#onProvisional(branch, response);
    else if (response.status < 300) this.#onSuccess(branch, response);
    else this.#onFinal(branch, response);
  }

  #onProvisional(branch: Branch, response: SipResponse): void {
    if (branch.isCancelled) this.#cancel(branch, undefined);
    if (branch.client?.request.method === 'INVITE' && branch.status === 0 && response.status > 100) this.#ring(branch);
    if (response.status > 100 && !this.#answered) this.#options.transaction.respond(response);
  }

  /** RFC 3261 §16.7 step 5: every 2xx to an INVITE goes back at once, and no other branch is wanted any more. */
  #onSuccess(branch: Branch, response: SipResponse): void {
    this.#answered = true;
    this.#options.transaction.respond(response);
    this.#settle(branch, response.status);
    this.#cancelBranches('SIP;cause=200;text="Call completed elsewhere"');
    this.#roundEnded();
  }

  #onFinal(branch: Branch, response: SipResponse): void {
    this.#finals.push(response);
    this.#settle(branch, response.status);
    // RFC 3261 §16.7 step 5: after a 6xx nobody else shall ring.
    if (response.status >= 600) this.#cancelBranches(undefined);
    this.#checkRound();
  }

  #onFailure(branch: Branch, status: number): void {
    if (branch.status !== 0) return;
    this.note(status);
    this.#settle(branch, status);
    this.#checkRound();
  }

  #settle(branch: Branch, status: number): void {
    branch.timer?.cancel();
    branch.status = status;
  }

  #checkRound(): void {
    if (this.#branches.every(({ status }) => status !== 0)) this.#roundEnded();
  }

  #cancelBranches(reason: string | undefined): void {
    for (const branch of this.#branches) if (branch.status === 0) this.#cancel(branch, reason);
  }

  /** Sends the CANCEL now, or after the first provisional response (RFC 3261 §9.1). */
  #cancel(branch: Branch, reason: string | undefined): void {
    branch.isCancelled = true;
    if (branch.client === undefined || branch.client.request.method !== 'INVITE') return;
    if (branch.client.state !== 'proceeding') return;
    this.#deps.transactions.cancel(branch.client, reason);
    // RFC 3261 §9.1: when no final answer follows within 64*T1, the branch counts as cancelled.
    branch.timer?.cancel();
    branch.timer = this.#deps.clock.after(64 * this.#deps.transactions.timers.t1, () => this.#onFailure(branch, 487));
  }
}

/** Takes this proxy's Via off; what an outsider asserts about identities goes too (RFC 3325 §5). */
function withoutOwnVia(response: SipResponse, flow: Flow): SipResponse {
  const headers = response.headers.replaceFirst('Via');
  return response.with({ headers: flow.peer === undefined ? headers.without('P-Asserted-Identity') : headers });
}
