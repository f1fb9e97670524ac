import type { Clock } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import { type Logger, printable } from '#platform/log.ts';
import type { Forwarder, Incoming } from '#reload/forwarding/forwarder.ts';
import { AnswerCache, type Asking, type CachedAnswer } from '#reload/messaging/answer-cache.ts';
import type { MessageDropReason, MessengerCounters } from '#reload/messaging/counters.ts';
import type {
  Answer,
  ExchangeFault,
  IncomingRequest,
  Request,
  RequestHandler,
  Response,
} from '#reload/messaging/exchange.ts';
import type { ConfigurationMismatch } from '#reload/messaging/mismatch.ts';
import { outcomeOf, refuse } from '#reload/messaging/refusal.ts';
import { type Opened, seal } from '#reload/messaging/sealing.ts';
import type { ConfigurationSource } from '#reload/overlay-config/configuration.ts';
import { isNewerSequence } from '#reload/overlay-config/current-configuration.ts';
import type { Signatory, Signer } from '#reload/security/identity.ts';
import { encode } from '#reload/wire/codec.ts';
import { ErrorCode, ForwardingFlag, MessageCode } from '#reload/wire/codes.ts';
import type { Destination } from '#reload/wire/destination.ts';
import { errorResponse } from '#reload/wire/error.ts';
import { encodeHeader, type HeaderFields, RELOAD_VERSION } from '#reload/wire/forwarding-header.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import type { MessageContents } from '#reload/wire/message-contents.ts';

export interface InboxDeps {
  readonly forwarder: Forwarder;
  readonly signer: Signer;
  readonly configuration: ConfigurationSource;
  readonly clock: Clock;
  readonly log: Logger;
  readonly counters: MessengerCounters;
}

/** 65535 switches the check of the sequence off; only ConfigUpdate may use it (RFC 6940 §6.3.2.1). */
export const ANY_CONFIGURATION = 65535;

/** Requests whose handlers have not answered yet. More are dropped: their senders repeat them (RFC 6940 §6.2.1). */
const MAX_RUNNING = 512;

/** Requests for this node: checked, given to their handler once, answered (RFC 6940 §6.3.3.1). */
export class Inbox {
  readonly #deps: InboxDeps;
  readonly #handlers = new Map<number, RequestHandler>();
  readonly #answers = new AnswerCache();
  readonly #mismatchListeners: ((mismatch: ConfigurationMismatch) => void)[] = [];
  #running = 0;

  constructor(deps: InboxDeps) {
    this.#deps = deps;
  }

  handle(code: number, handler: RequestHandler): void {
    if (this.#handlers.has(code)) throw new Error(`message code ${code} has a handler already`);
    this.#handlers.set(code, handler);
  }

  onConfigurationMismatch(listener: (mismatch: ConfigurationMismatch) => void): void {
    this.#mismatchListeners.push(listener);
  }

  reportMismatch(mismatch: ConfigurationMismatch): void {
    for (const listener of this.#mismatchListeners) listener(mismatch);
  }

  /** Takes a request whose signature holds. */
  take(incoming: Incoming, opened: Opened): void {
    const { signatory, contents, certificates } = opened;
    const previousHop = incoming.link.nodeId;
    if (previousHop === undefined) {
      this.#drop('unbound', signatory.nodeId);
      return;
    }
    const { clock, configuration, counters } = this.#deps;
    const now = clock.now();
    const known = this.#answers.find(signatory.nodeId, incoming.header.transactionId, now);
    if (known !== undefined) {
      counters.duplicates++;
      known.latest = { header: incoming.header, returnPath: incoming.returnPath };
      if (known.payload !== undefined) this.#transmit(incoming, known.payload);
      return;
    }
    if (this.#running >= MAX_RUNNING) {
      this.#drop('overload', signatory.nodeId);
      return;
    }
    counters.requestsReceived++;
    const lifetime = 5 * configuration.current.reliabilityTimer;
    const entry = this.#answers.begin(signatory.nodeId, incoming, { now, lifetime });
    const { code, body, extensions } = contents;
    const request = { header: incoming.header, code, body, extensions, signatory, certificates, previousHop };
    this.#run(
      request,
      (response) => this.#answer(entry, contents.code + 1, response),
      (error) => this.#fail(entry, request, error),
    );
  }

  /** Answers with an error what forwarding refused. */
  refuse(incoming: Incoming, refusal: { readonly errorCode: number; readonly info: string }): void {
    const contents = errorContents(refuse(refusal.errorCode, refusal.info).fault);
    this.#deps.counters.errorsSent++;
    this.#transmit(incoming, this.#seal(incoming, contents, []));
  }

  /** A request of this node to itself goes through the same handlers, without network and signatures. */
  requestFromSelf(request: Request): Promise<Answer> {
    const { signer } = this.#deps;
    const signatory: Signatory = { nodeId: signer.nodeId, certificate: signer.certificate };
    const certificates = [signer.certificate.der, ...signer.chain];
    const incoming: IncomingRequest = {
      header: { ...this.#header(request.destination), transactionId: 0n, length: 0 },
      code: request.code,
      body: request.body,
      extensions: request.extensions ?? [],
      signatory,
      certificates: [...certificates, ...(request.certificates ?? [])],
      previousHop: signer.nodeId,
    };
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) => reject(this.#failureToSelf(incoming, error));
      this.#run(
        incoming,
        (response) =>
          resolve({
            code: request.code + 1,
            body: response.body,
            extensions: response.extensions ?? [],
            signatory,
            certificates: [...certificates, ...(response.certificates ?? [])],
          }),
        fail,
      );
    });
  }

  /** Answers that are ready at once cost no promise. */
  #run(request: IncomingRequest, done: (response: Response) => void, failed: (error: unknown) => void): void {
    let result: Response | Promise<Response>;
    try {
      result = this.#dispatch(request);
      if (!(result instanceof Promise)) {
        done(result);
        return;
      }
    } catch (error) {
      failed(error);
      return;
    }
    this.#running++;
    result
      .finally(() => this.#running--)
      .then(done)
      .catch(failed)
      .catch((error) => this.#deps.log.error('a request could not be answered', { error: messageOf(error) }));
  }

  #dispatch(request: IncomingRequest): Response | Promise<Response> {
    this.#checkSequence(request);
    const critical = request.extensions.find((extension) => extension.critical);
    if (critical !== undefined) {
      throw refuse(ErrorCode.unknownExtension, `extension ${critical.type} is not known here`);
    }
    const handler = this.#handlers.get(request.code);
    if (handler === undefined) throw refuse(ErrorCode.invalidMessage, `message code ${request.code} is not known here`);
    return handler(request);
  }

  /** RFC 6940 §6.3.2.1: the two ends of a request have to work by the same document. */
  #checkSequence(request: IncomingRequest): void {
    const own = this.#deps.configuration.current.sequence;
    const theirs = request.header.configurationSequence;
    if (theirs === own || request.code === MessageCode.configUpdateReq) return;
    if (theirs === ANY_CONFIGURATION) throw refuse(ErrorCode.invalidMessage, 'sequence 65535 is for ConfigUpdate only');
    const peerIs = isNewerSequence(theirs, own) ? 'newer' : 'older';
    const returnPath = [...request.header.viaList, { type: 'node', id: request.previousHop } as const].reverse();
    this.reportMismatch({ peerIs, nodeId: request.signatory.nodeId, returnPath });
    const errorCode = peerIs === 'older' ? ErrorCode.configTooOld : ErrorCode.configTooNew;
    throw refuse(errorCode, `configuration ${own} is in force here`);
  }

  #answer(entry: CachedAnswer, code: number, response: Response): void {
    const contents = { code, body: response.body, extensions: response.extensions ?? [] };
    const payload = this.#seal(entry.latest, contents, response.certificates ?? []);
    if (this.#isTooLong(entry.latest, payload)) {
      // Error_Incompatible_with_Overlay and this one are both named for it; §6.3.3.1 defines this one for nothing else.
      this.#answerError(entry, refuse(ErrorCode.responseTooLarge).fault);
      return;
    }
    this.#answers.finish(entry, payload);
    this.#transmit(entry.latest, payload);
  }

  #fail(entry: CachedAnswer, request: IncomingRequest, error: unknown): void {
    const outcome = outcomeOf(error);
    if (outcome.type === 'discard') {
      this.#drop('unparsable-body', request.signatory.nodeId, outcome.detail);
      return;
    }
    this.#logUnexpected(request, outcome.unexpected);
    this.#answerError(entry, outcome);
  }

  #failureToSelf(request: IncomingRequest, error: unknown): Failure<ExchangeFault> {
    const outcome = outcomeOf(error);
    const { signatory } = request;
    if (outcome.type === 'discard') {
      const fault = { code: 'remote', errorCode: ErrorCode.invalidMessage, info: new Uint8Array(), signatory } as const;
      return new Failure<ExchangeFault>(fault, `this node cannot parse its own request: ${outcome.detail}`, error);
    }
    this.#logUnexpected(request, outcome.unexpected);
    const { errorCode, info } = outcome;
    return new Failure<ExchangeFault>(
      { code: 'remote', errorCode, info, signatory },
      `this node answered itself with error ${errorCode}`,
      error,
    );
  }

  #logUnexpected(request: IncomingRequest, detail: string | undefined): void {
    if (detail === undefined) return;
    this.#deps.log.error('a request handler failed', { code: request.code, error: printable(detail) });
  }

  #answerError(entry: CachedAnswer, refusal: { readonly errorCode: number; readonly info: Uint8Array }): void {
    this.#deps.counters.errorsSent++;
    const payload = this.#seal(entry.latest, errorContents(refusal), []);
    this.#answers.finish(entry, payload);
    this.#transmit(entry.latest, payload);
  }

  #seal(incoming: Asking, contents: MessageContents, extra: readonly Uint8Array[]): Uint8Array {
    const key = { overlay: this.#deps.forwarder.overlay, transactionId: incoming.header.transactionId };
    return seal(this.#deps.signer, key, contents, extra);
  }

  #transmit(incoming: Asking, payload: Uint8Array): void {
    const outcome = this.#deps.forwarder.send(this.#answerHeader(incoming), payload);
    if (outcome === 'sent') return;
    this.#deps.log.debug('an answer found no way back', {
      outcome,
      transactionId: String(incoming.header.transactionId),
    });
  }

  #answerHeader(incoming: Asking): HeaderFields {
    const options = incoming.header.options
      .filter((option) => (option.flags & ForwardingFlag.responseCopy) !== 0)
      .map((option) => ({ ...option, flags: 0 }));
    return { ...this.#header(incoming.returnPath), transactionId: incoming.header.transactionId, options };
  }

  #header(
    destinationList: readonly Destination[],
  ): Omit<HeaderFields, 'transactionId'> & { readonly transactionId: bigint } {
    const { forwarder, configuration } = this.#deps;
    return {
      overlay: forwarder.overlay,
      configurationSequence: configuration.current.sequence,
      version: RELOAD_VERSION,
      ttl: configuration.current.initialTtl,
      fragment: { offset: 0, last: true },
      transactionId: 0n,
      maxResponseLength: 0,
      viaList: [],
      destinationList,
      options: [],
    };
  }

  /** RFC 6940 §6.3.2: the whole message counts. The header is encoded only when it could matter. */
  #isTooLong(incoming: Asking, payload: Uint8Array): boolean {
    const { maxMessageSize, nodeIdLength } = this.#deps.configuration.current;
    const wanted = incoming.header.maxResponseLength;
    const limit = wanted === 0 ? maxMessageSize : Math.min(wanted, maxMessageSize);
    if (payload.length + HEADER_ROOM < limit && incoming.returnPath.length < SHORT_PATH) return false;
    const header = encodeHeader({ ...this.#answerHeader(incoming), length: 0 }, { nodeIdLength });
    return header.length + payload.length > limit;
  }

  #drop(reason: MessageDropReason, from: NodeId, detail?: string): void {
    const { counters, log } = this.#deps;
    counters.dropped[reason] = (counters.dropped[reason] ?? 0) + 1;
    log.debug('request dropped', { reason, from, ...(detail === undefined ? {} : { detail: printable(detail) }) });
  }
}

/** More than a header with a path of `SHORT_PATH` entries and no copied options takes. */
const HEADER_ROOM = 1024;
const SHORT_PATH = 16;

function errorContents(refusal: { readonly errorCode: number; readonly info: Uint8Array }): MessageContents {
  const body = encode(errorResponse, { code: refusal.errorCode, info: refusal.info });
  return { code: MessageCode.error, body, extensions: [] };
}
