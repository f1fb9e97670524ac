import type { MediaSession } from '#media/session.ts';
import type { Timer } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import { calledDialog } from '#sip/dialog/dialog.ts';
import type { NewField } from '#sip/message/headers.ts';
import type { SipRequest } from '#sip/message/message.ts';
import { parseNameAddress } from '#sip/message/name-address.ts';
import { isMessageFault } from '#sip/message/parser.ts';
import { fromHeaderText } from '#sip/message/printer.ts';
import { phraseOf, replyTo } from '#sip/message/reply.ts';
import { newTag } from '#sip/transaction/identifiers.ts';
import type { ServerTransaction } from '#sip/transaction/server-transaction.ts';
import type { Call, CallFault, IncomingCall } from '#sip/ua/call-engine.ts';
import { CallLeg } from '#sip/ua/call-leg.ts';
import { commonFields, descriptionIn, mediaAddress, type UaContext } from '#sip/ua/context.ts';

interface IncomingParts {
  readonly transaction: ServerTransaction;
  /** The INVITE as the proxy in front of the engine left it. */
  readonly request: SipRequest;
  readonly established: (leg: CallLeg) => void;
  readonly forgetLeg: (leg: CallLeg) => void;
  /** Called once the INVITE has its final answer. */
  readonly settled: () => void;
}

/** An INVITE that waits for its answer. */
export class IncomingInvite implements IncomingCall {
  readonly localTag: string;
  readonly #context: UaContext;
  readonly #parts: IncomingParts;
  readonly #abandoned = new AbortController();
  readonly #timeout: Timer;
  #answering = false;
  #settled = false;

  constructor(context: UaContext, parts: IncomingParts) {
    this.#context = context;
    this.#parts = parts;
    this.localTag = newTag(context.random);
    this.#timeout = context.clock.after(context.options.answerTimeoutMs, () => this.reject(480, phraseOf(480)));
    parts.transaction.observe({
      cancelled: (reason) => this.#giveUp(487, 'cancelled', reason),
      failed: () => this.#giveUp(undefined, 'the transaction failed'),
    });
  }

  get requestUri(): string {
    return this.#parts.request.uri;
  }

  get from(): string {
    return this.#parts.request.from.uri;
  }

  get fromName(): string | undefined {
    const name = this.#parts.request.from.displayName;
    return name === undefined ? undefined : fromHeaderText(name);
  }

  get to(): string {
    return this.#parts.request.to.uri;
  }

  get assertedIdentity(): string | undefined {
    try {
      const asserted = this.#parts.request.headers.first('P-Asserted-Identity');
      return asserted === undefined ? undefined : parseNameAddress(asserted, 'P-Asserted-Identity').uri;
    } catch (thrown) {
      if (isMessageFault(thrown)) return undefined;
      throw thrown;
    }
  }

  /** RFC 3323 §4.2. */
  get withheld(): boolean {
    const privacy = (this.#parts.request.headers.value('Privacy') ?? '').toLowerCase().split(/[;,]/);
    return privacy.some((value) => ['id', 'user', 'header'].includes(value.trim()));
  }

  get peer(): { readonly name: string; readonly node: string } | undefined {
    return this.#parts.transaction.flow.peer;
  }

  get abandoned(): AbortSignal {
    return this.#abandoned.signal;
  }

  ring(): void {
    if (this.#settled) return;
    const { transaction, request } = this.#parts;
    transaction.respond(
      replyTo(transaction.request, 180, { toTag: this.localTag, fields: this.#dialogFields(request) }),
    );
  }

  async answer(): Promise<Call> {
    if (this.#settled || this.#answering) throw this.#notPending();
    this.#answering = true;
    const offer = descriptionIn(this.#parts.request);
    const media = await this.#openMedia(offer);
    // The caller may have given up while the sockets were opened.
    if (this.#settled) {
      media.close();
      throw this.#notPending();
    }
    this.#settle();
    return this.#establish(media, offer === undefined);
  }

  reject(status: number, phrase: string, reason?: string, retryAfterSeconds?: number): void {
    if (this.#settled) return;
    const fields: NewField[] = reason === undefined ? [] : [['Reason', reason]];
    if (retryAfterSeconds !== undefined) fields.push(['Retry-After', String(retryAfterSeconds)]);
    this.#settle();
    this.#parts.transaction.respond(
      replyTo(this.#parts.transaction.request, status, { phrase, toTag: this.localTag, fields }),
    );
  }

  #establish(media: MediaSession, withOffer: boolean): Promise<Call> {
    const { transaction, request, established, forgetLeg } = this.#parts;
    const dialog = calledDialog(request, this.localTag);
    const leg = new CallLeg(this.#context, { dialog, flow: transaction.flow, media, forget: forgetLeg });
    established(leg);
    return new Promise((resolve, reject) => {
      leg.answerInvite(transaction, withOffer, () => resolve(leg));
      void leg.ended.then((end) =>
        reject(
          new Failure<CallFault>(
            { code: 'timeout', status: end.status },
            `The call ended before its ACK: ${end.reason}`,
          ),
        ),
      );
    });
  }

  async #openMedia(offer: string | undefined): Promise<MediaSession> {
    let media: MediaSession | undefined;
    try {
      const address = mediaAddress(this.#context, this.#parts.transaction.flow, offer);
      media = await this.#context.createMedia({ address });
      if (offer !== undefined) media.applyRemote(offer);
      return media;
    } catch (thrown) {
      media?.close();
      // RFC 3261 §13.3.1.3: a description that cannot be agreed on.
      this.reject(488, phraseOf(488));
      throw new Failure<CallFault>(
        { code: 'media', status: 488 },
        `The call has no media: ${messageOf(thrown)}`,
        thrown,
      );
    }
  }

  #giveUp(status: number | undefined, what: string, reason?: string): void {
    if (this.#settled) return;
    this.#settle();
    const { request } = this.#parts.transaction;
    if (status !== undefined) this.#parts.transaction.respond(replyTo(request, status, { toTag: this.localTag }));
    this.#abandoned.abort(new Failure<CallFault>({ code: 'aborted', status, reason }, `The caller gave up: ${what}`));
  }

  #settle(): void {
    this.#settled = true;
    this.#timeout.cancel();
    this.#parts.settled();
  }

  #notPending(): Failure<CallFault> {
    return new Failure<CallFault>(
      { code: 'aborted', status: 487 },
      'The call was answered, refused or given up already',
    );
  }

  #dialogFields(request: SipRequest): NewField[] {
    const routes = request.headers.list('Record-Route').map((route): NewField => ['Record-Route', route]);
    return [...routes, ...commonFields(this.#context, this.#parts.transaction.flow, request.to.uri)];
  }
}
