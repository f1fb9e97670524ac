import type { MediaSession } from '#media/session.ts';
import { toHex, utf8 } from '#platform/bytes.ts';
import type { Timer } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import { acknowledgement, callerDialog, type Dialog, nextRequest } from '#sip/dialog/dialog.ts';
import { Headers, type NewField } from '#sip/message/headers.ts';
import { SipRequest, type SipResponse } from '#sip/message/message.ts';
import { printNameAddress } from '#sip/message/name-address.ts';
import { toHeaderText } from '#sip/message/printer.ts';
import type { ClientTransaction } from '#sip/transaction/client-transaction.ts';
import { newTag, sentBy } from '#sip/transaction/identifiers.ts';
import type { Flow } from '#sip/transport/flow.ts';
import type { Call, CallFault, CallOptions } from '#sip/ua/call-engine.ts';
import { CallLeg, flowInDialog } from '#sip/ua/call-leg.ts';
import { answerChallenge } from '#sip/ua/client-auth.ts';
import { commonFields, descriptionIn, mediaAddress, SDP_TYPE, type UaContext } from '#sip/ua/context.ts';

/** How a call is told about while it is being set up. */
export interface OutgoingParts {
  readonly options: CallOptions;
  readonly onRinging: () => void;
  readonly established: (leg: CallLeg) => void;
  readonly forgetLeg: (leg: CallLeg) => void;
}

/** Sends an INVITE and resolves with the answered call; rejects with `Failure<CallFault>`. */
export async function placeCall(context: UaContext, parts: OutgoingParts): Promise<Call> {
  const { options } = parts;
  if (options.signal?.aborted === true) throw aborted();
  let flow: Flow;
  try {
    flow = await context.transactions.transport.flowTo(options.target);
  } catch (thrown) {
    throw new Failure<CallFault>({ code: 'transport', status: undefined }, messageOf(thrown), thrown);
  }
  const media = await openMedia(context, flow);
  try {
    return await new OutgoingInvite(context, parts, { flow, media }).run();
  } catch (thrown) {
    media.close();
    throw thrown;
  }
}

async function openMedia(context: UaContext, flow: Flow): Promise<MediaSession> {
  try {
    return await context.createMedia({ address: mediaAddress(context, flow, undefined) });
  } catch (thrown) {
    throw new Failure<CallFault>(
      { code: 'media', status: undefined },
      `No media for the call: ${messageOf(thrown)}`,
      thrown,
    );
  }
}

/** One call attempt: the INVITE, with its repetition after a challenge. */
class OutgoingInvite {
  readonly #context: UaContext;
  readonly #parts: OutgoingParts;
  readonly #flow: Flow;
  readonly #media: MediaSession;
  #transaction: ClientTransaction | undefined;
  #leg: CallLeg | undefined;
  #challenges = 0;
  /** No longer wanted: whatever answers now is cancelled, or hung up. */
  #isGivenUp = false;
  #rang = false;
  #timeout: Timer | undefined;
  #resolve: (call: Call) => void = () => {};
  #reject: (reason: Failure<CallFault>) => void = () => {};

  constructor(context: UaContext, parts: OutgoingParts, ends: { readonly flow: Flow; readonly media: MediaSession }) {
    this.#context = context;
    this.#parts = parts;
    this.#flow = ends.flow;
    this.#media = ends.media;
  }

  async run(): Promise<Call> {
    const { signal } = this.#parts.options;
    const onAbort = () => this.#giveUp(aborted());
    signal?.addEventListener('abort', onAbort, { once: true });
    const { clock, options } = this.#context;
    this.#timeout = clock.after(options.answerTimeoutMs, () =>
      this.#giveUp(failure('timeout', 408, 'nobody answered in time')),
    );
    try {
      return await new Promise<Call>((resolve, reject) => {
        this.#resolve = resolve;
        this.#reject = reject;
        this.#send(this.#invite());
      });
    } finally {
      this.#timeout.cancel();
      signal?.removeEventListener('abort', onAbort);
    }
  }

  #send(request: SipRequest): void {
    this.#transaction = this.#context.transactions.send(request, this.#flow, {
      response: (response) => this.#onResponse(response),
      failed: (cause) => {
        if (cause === 'timeout') this.#reject(failure('timeout', 408, 'the far end does not answer'));
        else this.#reject(failure('transport', undefined, 'the request could not be sent'));
      },
    });
  }

  #invite(): SipRequest {
    const { options } = this.#parts;
    const { random } = this.#context;
    const from = printNameAddress(
      options.from,
      options.fromName === undefined ? undefined : toHeaderText(options.fromName),
    );
    const fields: NewField[] = [
      ['Max-Forwards', '70'],
      ['From', `${from};tag=${newTag(random)}`],
      ['To', printNameAddress(options.to)],
      ['Call-ID', `${toHex(random.bytes(16))}@${sentBy(this.#flow).replace(/[[\]]/g, '')}`],
      ['CSeq', '1 INVITE'],
      ...commonFields(this.#context, this.#flow, options.from),
      ['Content-Type', SDP_TYPE],
    ];
    if (options.assertedIdentity !== undefined)
      fields.push(['P-Asserted-Identity', printNameAddress(options.assertedIdentity)]);
    if (options.withheld === true) fields.push(['Privacy', 'id']);
    const body = utf8(this.#media.localDescription);
    return new SipRequest({ method: 'INVITE', uri: options.requestUri, headers: Headers.of(fields), body });
  }

  #onResponse(response: SipResponse): void {
    if (response.status < 200) this.#onProvisional(response);
    else if (response.status < 300) this.#onAnswer(response);
    else this.#onRefusal(response);
  }

  #onRefusal(response: SipResponse): void {
    if ((response.status === 401 || response.status === 407) && this.#answerChallenge(response)) return;
    this.#reject(
      new Failure<CallFault>(
        { code: 'rejected', status: response.status, reason: response.headers.value('Reason') },
        `The call was refused: ${response.status} ${response.phrase}`,
      ),
    );
  }

  #onProvisional(response: SipResponse): void {
    if (this.#isGivenUp) this.#cancel();
    else if (response.status >= 180 && !this.#rang) this.#tellRinging(response.status);
  }

  #tellRinging(status: number): void {
    this.#rang = status === 180 || status === 183;
    if (this.#rang) this.#parts.onRinging();
  }

  /** RFC 3261 §22.2; once, and once more when the nonce was merely stale. */
  #answerChallenge(response: SipResponse): boolean {
    const { credentials } = this.#parts.options;
    const sent = this.#transaction?.request;
    if (credentials === undefined || sent === undefined || this.#isGivenUp || ++this.#challenges > 2) return false;
    const again = answerChallenge(sent, response, { credentials, random: this.#context.random });
    if (again === undefined) return false;
    this.#send(again);
    return true;
  }

  #onAnswer(response: SipResponse): void {
    const invite = this.#transaction?.request;
    if (invite === undefined) return;
    const dialog = callerDialog(invite, response);
    void this.#acknowledge(dialog, invite.cseq.number);
    if (this.#leg !== undefined || this.#isGivenUp) {
      // Another fork answered as well, or the answer crossed the CANCEL (RFC 3261 §13.2.2.4, §15).
      if (this.#leg?.dialog.remoteTag !== dialog.remoteTag) void this.#hangUpStray(dialog);
      return;
    }
    const { established, forgetLeg } = this.#parts;
    this.#leg = new CallLeg(this.#context, { dialog, flow: this.#flow, media: this.#media, forget: forgetLeg });
    established(this.#leg);
    try {
      const answer = descriptionIn(response);
      if (answer === undefined) throw new Error('the answer describes no media');
      this.#media.applyRemote(answer);
      this.#resolve(this.#leg);
    } catch (thrown) {
      this.#leg.fail(488, messageOf(thrown));
      this.#reject(failure('media', 488, messageOf(thrown)));
    }
  }

  async #acknowledge(dialog: Dialog, sequence: number): Promise<void> {
    const ack = acknowledgement(dialog, sequence, this.#authorization());
    this.#context.transactions.sendAck(ack, await flowInDialog(this.#context, this.#flow, ack));
  }

  /** RFC 3261 §22.1: an ACK carries the credentials of its INVITE; it cannot be challenged. */
  #authorization(): NewField[] {
    const headers = this.#transaction?.request.headers;
    return ['Authorization', 'Proxy-Authorization'].flatMap((name) =>
      (headers?.list(name) ?? []).map((value): NewField => [name, value]),
    );
  }

  async #hangUpStray(dialog: Dialog): Promise<void> {
    const reason = this.#reason();
    const { request } = nextRequest(dialog, 'BYE', reason === undefined ? [] : [['Reason', reason]]);
    const flow = await flowInDialog(this.#context, this.#flow, request);
    this.#context.transactions.send(request, flow, { response: () => {}, failed: () => {} });
  }

  #giveUp(reason: Failure<CallFault>): void {
    if (this.#leg !== undefined) return;
    this.#isGivenUp = true;
    this.#cancel();
    this.#reject(reason);
  }

  /** Does nothing before the first provisional response; `#onProvisional` comes back here then (RFC 3261 §9.1). */
  #cancel(): void {
    if (this.#transaction === undefined) return;
    this.#context.transactions.cancel(this.#transaction, this.#reason());
  }

  /** Why it is no longer wanted, where whoever gave it up says so. */
  #reason(): string | undefined {
    const { signal, cancelReason } = this.#parts.options;
    return signal?.aborted === true ? cancelReason?.() : undefined;
  }
}

function failure(code: CallFault['code'], status: number | undefined, detail: string): Failure<CallFault> {
  return new Failure<CallFault>({ code, status }, `The call failed: ${detail}`);
}

function aborted(): Failure<CallFault> {
  return failure('aborted', 487, 'it was given up on this side');
}
