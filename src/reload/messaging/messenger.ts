import type { Clock } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import { type Logger, printable } from '#platform/log.ts';
import { type Random, randomU64 } from '#platform/random.ts';
import type { Forwarder, Incoming } from '#reload/forwarding/forwarder.ts';
import type { MessageDropReason, MessengerCounters } from '#reload/messaging/counters.ts';
import type { Answer, Exchange, ExchangeFault, Request, RequestHandler } from '#reload/messaging/exchange.ts';
import { ANY_CONFIGURATION, Inbox } from '#reload/messaging/inbox.ts';
import type { ConfigurationMismatch, KindLack } from '#reload/messaging/mismatch.ts';
import { type ClosenessCheck, judgeOrigin } from '#reload/messaging/origin.ts';
import { type Opened, open, seal } from '#reload/messaging/sealing.ts';
import { Transaction } from '#reload/messaging/transaction.ts';
import type { ConfigurationSource } from '#reload/overlay-config/configuration.ts';
import type { Signer, Verifier } from '#reload/security/identity.ts';
import { decode } from '#reload/wire/codec.ts';
import { ErrorCode, isRequestCode, MessageCode } from '#reload/wire/codes.ts';
import type { Destination } from '#reload/wire/destination.ts';
import { type ErrorResponse, errorResponse, unknownKinds } from '#reload/wire/error.ts';
import { type HeaderFields, RELOAD_VERSION } from '#reload/wire/forwarding-header.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { isWireFailure } from '#reload/wire/reader.ts';

export interface MessengerDeps {
  readonly forwarder: Forwarder;
  readonly signer: Signer;
  readonly verifier: Verifier;
  readonly configuration: ConfigurationSource;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** RFC 6940 §6.3.4; without it every member may answer for a resource, as for clients and joiners. */
  readonly isCloseEnough?: ClosenessCheck;
}

/** End-to-end requests and answers of one node: signed, matched, repeated when lost, never processed twice (RFC 6940 §6.2). */
export class Messenger implements Exchange {
  readonly #deps: MessengerDeps;
  readonly #pending = new Map<bigint, Transaction>();
  readonly #inbox: Inbox;
  readonly counters: MessengerCounters = {
    requestsSent: 0,
    requestsReceived: 0,
    duplicates: 0,
    errorsSent: 0,
    dropped: {},
  };
  /** Requests that were refused for an old configuration and go out again when a newer one is in force. */
  readonly #outdated = new Set<() => void>();
  readonly #lackListeners: ((lack: KindLack) => void)[] = [];
  #stopped = false;

  constructor(deps: MessengerDeps) {
    this.#deps = deps;
    this.#inbox = new Inbox({ ...deps, counters: this.counters });
    deps.configuration.onChange(() => {
      for (const retry of [...this.#outdated]) retry();
    });
  }

  handle(code: number, handler: RequestHandler): void {
    this.#inbox.handle(code, handler);
  }

  /** Told of requests whose sender has another configuration, so that somebody can bring the older one up to date. */
  onConfigurationMismatch(listener: (mismatch: ConfigurationMismatch) => void): void {
    this.#inbox.onConfigurationMismatch(listener);
  }

  /** Told of peers that refused a request of this node for Kinds they do not know, so that somebody can teach them. */
  onKindLack(listener: (lack: KindLack) => void): void {
    this.#lackListeners.push(listener);
  }

  request(request: Request): Promise<Answer> {
    if (this.#stopped) return Promise.reject(stopped());
    if (request.signal?.aborted === true) return Promise.reject(request.signal.reason);
    if (request.firstHop === undefined && this.#deps.forwarder.isLocal(request.destination)) {
      return this.#inbox.requestFromSelf(request);
    }
    return new Promise((resolve, reject) => {
      const { sequence } = this.#deps.configuration.current;
      this.#start(request, {
        resolve,
        reject: (reason) =>
          isRemote(reason, ErrorCode.configTooOld)
            ? this.#repeatWithNewer(sequence, reason, { request, settle: { resolve, reject } })
            : reject(reason),
      });
    });
  }

  /** Takes a message that ends here: the `deliver` of the forwarder. Never throws. */
  receive(incoming: Incoming): void {
    if (this.#stopped) return;
    if (incoming.refusal !== undefined) {
      this.#inbox.refuse(incoming, incoming.refusal);
      return;
    }
    let opened: Opened;
    try {
      opened = open(this.#deps.verifier, incoming, { nodeIdLength: this.#deps.configuration.current.nodeIdLength });
    } catch (error) {
      const reason = isWireFailure(error) ? 'malformed' : 'signature';
      this.#drop(reason, incoming, messageOf(error));
      return;
    }
    this.#bind(incoming, opened);
    if (isRequestCode(opened.contents.code)) this.#inbox.take(incoming, opened);
    else this.#takeAnswer(incoming, opened);
  }

  /** To be told when the link to a node is suspected, or gone, and routing knows. Callers need not wait for time-outs then. */
  linkFailed(node: NodeId, isGone: boolean): void {
    for (const transaction of [...this.#pending.values()]) transaction.linkFailed(node, isGone);
  }

  /** Fails what is pending and takes nothing more. */
  stop(): void {
    this.#stopped = true;
    for (const transaction of [...this.#pending.values()]) transaction.fail(stopped());
  }

  /**
   * While a new configuration spreads, requests by the old one fail; the node that refused one sends the new document at once
   * (RFC 6940 §6.3.2.1). Such a request goes out once more when the document is in force, within one reliability timer.
   */
  #repeatWithNewer(
    sequence: number,
    reason: unknown,
    { request, settle }: { readonly request: Request; readonly settle: Settle },
  ): void {
    const { clock, configuration } = this.#deps;
    const end = () => {
      timer.cancel();
      this.#outdated.delete(retry);
    };
    const retry = () => {
      end();
      if (this.#stopped || request.signal?.aborted === true) settle.reject(request.signal?.reason ?? stopped());
      else this.#start(request, settle);
    };
    const timer = clock.after(configuration.current.reliabilityTimer, () => {
      end();
      settle.reject(reason);
    });
    if (configuration.current.sequence === sequence) this.#outdated.add(retry);
    else retry();
  }

  #start(request: Request, settle: Settle): void {
    const { forwarder, configuration, clock, random, signer } = this.#deps;
    const transactionId = randomU64(random);
    const header: HeaderFields = {
      overlay: forwarder.overlay,
      configurationSequence:
        request.code === MessageCode.configUpdateReq ? ANY_CONFIGURATION : configuration.current.sequence,
      version: RELOAD_VERSION,
      ttl: configuration.current.initialTtl,
      fragment: { offset: 0, last: true },
      transactionId,
      maxResponseLength: request.maxResponseLength ?? 0,
      viaList: [],
      destinationList: request.destination,
      options: [],
    };
    const contents = { code: request.code, body: request.body, extensions: request.extensions ?? [] };
    // Retransmissions are the same bytes: another signature would be another message to duplicate suppression (RFC 6940 §6.2.1).
    let payload: Uint8Array;
    try {
      payload = seal(signer, header, contents, request.certificates ?? []);
    } catch (error) {
      settle.reject(error);
      return;
    }
    const port = {
      transmit: () => {
        const wayOut = forwarder.wayOut(header, request.firstHop);
        return { outcome: forwarder.send(header, payload, request.firstHop), wayOut };
      },
      answerHere: () => this.#inbox.requestFromSelf(request),
      interval: () => configuration.current.reliabilityTimer,
      ended: () => this.#pending.delete(transactionId),
    };
    const transaction = new Transaction(request, { clock, port }, settle);
    this.#pending.set(transactionId, transaction);
    this.counters.requestsSent++;
    try {
      transaction.start();
    } catch (error) {
      transaction.fail(error);
    }
  }

  #takeAnswer(incoming: Incoming, opened: Opened): void {
    const transaction = this.#pending.get(incoming.header.transactionId);
    const { contents, signatory, certificates } = opened;
    if (transaction === undefined || !answers(contents.code, transaction.request.code)) {
      this.#drop('unexpected-answer', incoming);
      return;
    }
    let error: ErrorResponse | undefined;
    try {
      error = contents.code === MessageCode.error ? decode(errorResponse, contents.body) : undefined;
    } catch (thrown) {
      this.#drop('malformed', incoming, messageOf(thrown));
      return;
    }
    const { destination, firstHop } = transaction.request;
    const isCloseEnough = this.#deps.isCloseEnough ?? (() => true);
    const judgement = judgeOrigin({ destination, firstHop, isCloseEnough }, signatory.nodeId, {
      code: contents.code,
      errorCode: error?.code,
    });
    if (judgement === 'refuse') this.#drop('origin', incoming, signatory.nodeId);
    else if (error === undefined) {
      const { code, body, extensions } = contents;
      transaction.answered({ code, body, extensions, signatory, certificates });
    } else {
      const fault = { code: 'remote', errorCode: error.code, info: error.info, signatory } as const;
      const failure = new Failure<ExchangeFault>(fault, `${signatory.nodeId} answered with error ${error.code}`);
      if (judgement === 'hint') {
        transaction.hint(failure);
        return;
      }
      this.#follow(error, signatory.nodeId, destination);
      transaction.fail(failure);
    }
  }

  /** What an Error says of the node that made it, beside that the request failed. */
  #follow({ code, info }: ErrorResponse, nodeId: NodeId, returnPath: readonly Destination[]): void {
    if (code === ErrorCode.configTooNew) this.#inbox.reportMismatch({ peerIs: 'older', nodeId, returnPath });
    if (code === ErrorCode.configTooOld) this.#inbox.reportMismatch({ peerIs: 'newer', nodeId, returnPath });
    if (code !== ErrorCode.unknownKind) return;
    try {
      const kinds = decode(unknownKinds, info);
      for (const listener of this.#lackListeners) listener({ nodeId, kinds });
    } catch (error) {
      this.#deps.log.debug('an Error_Unknown_Kind names no Kinds', { nodeId, why: printable(messageOf(error)) });
    }
  }

  /** RFC 6940 §6.1.2: a Ping or Attach for this node names the node behind a link that could be one of several. */
  #bind(incoming: Incoming, { signatory }: Opened): void {
    if (incoming.previousHop !== undefined) return;
    if (signatory.certificate.fingerprint !== incoming.link.peer.fingerprint) return;
    this.#deps.forwarder.bind(incoming.link, signatory.nodeId);
  }

  #drop(reason: MessageDropReason, incoming: Incoming, detail?: string): void {
    this.counters.dropped[reason] = (this.counters.dropped[reason] ?? 0) + 1;
    this.#deps.log.debug('message for this node dropped', {
      reason,
      from: incoming.previousHop ?? incoming.link.remoteAddress,
      ...(detail === undefined ? {} : { detail: printable(detail) }),
    });
  }
}

function answers(code: number, requestCode: number): boolean {
  return code === requestCode + 1 || code === MessageCode.error;
}

interface Settle {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (reason: unknown) => void;
}

function isRemote(reason: unknown, errorCode: number): boolean {
  const fault = reason instanceof Failure ? (reason as Failure<ExchangeFault>).fault : undefined;
  return fault?.code === 'remote' && fault.errorCode === errorCode;
}

function stopped(): Failure<ExchangeFault> {
  return new Failure<ExchangeFault>({ code: 'stopped' }, 'the node has stopped');
}
