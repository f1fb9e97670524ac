import type { Clock } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import { type Logger, printable } from '#platform/log.ts';
import { activeCandidates, addressesOf, passiveCandidates } from '#reload/attach/candidates.ts';
import type { AppConnection, OverlayTransport } from '#reload/link/link.ts';
import type { Exchange, IncomingRequest, Response } from '#reload/messaging/exchange.ts';
import { refuse } from '#reload/messaging/refusal.ts';
import type { IpAddressPort } from '#reload/wire/address.ts';
import { appAttach } from '#reload/wire/app-attach.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { ErrorCode, MessageCode } from '#reload/wire/codes.ts';
import type { Destination } from '#reload/wire/destination.ts';
import type { NodeId } from '#reload/wire/ids.ts';

export interface AppAttachingDeps {
  readonly exchange: Exchange;
  readonly transport: OverlayTransport;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Connections that others asked for and that are being dialled. */
const MAX_DIALLING = 64;
const DIAL_PATIENCE = 15_000;

/** AppAttach in both roles: like Attach, the requester listens and is the TLS server (RFC 6940 §6.5.2). */
export class AppAttaching {
  readonly #deps: AppAttachingDeps;
  readonly #applications = new Map<number, (connection: AppConnection) => void>();
  readonly #dialling = new Set<AbortController>();

  constructor(deps: AppAttachingDeps) {
    this.#deps = deps;
  }

  serve(application: number, accept: (connection: AppConnection) => void): void {
    requireApplication(application);
    if (this.#applications.has(application)) throw new Error(`application ${application} is served already`);
    this.#applications.set(application, accept);
  }

  stop(): void {
    for (const dialling of this.#dialling) dialling.abort();
  }

  async attach(destination: readonly Destination[], application: number, signal: AbortSignal): Promise<AppConnection> {
    requireApplication(application);
    const { exchange, transport } = this.#deps;
    const offer = await transport.offerApplication();
    try {
      const answer = await exchange.request({
        destination,
        code: MessageCode.appAttachReq,
        body: encode(appAttach, {
          ufrag: '',
          password: '',
          application,
          role: 'passive',
          candidates: passiveCandidates(offer.addresses, transport.overlayLink),
        }),
        signal,
      });
      decode(appAttach, answer.body);
      return await offer.accept(answer.signatory.nodeId, signal);
    } finally {
      offer.close();
    }
  }

  onRequest(request: IncomingRequest): Response {
    const { transport } = this.#deps;
    const body = decode(appAttach, request.body);
    const accept = this.#applications.get(body.application);
    if (accept === undefined) throw refuse(ErrorCode.notFound, `application ${body.application} is not served here`);
    if (body.role !== 'passive') throw refuse(ErrorCode.invalidMessage, 'the role of a request is "passive"');
    const addresses = addressesOf(body.candidates, transport.overlayLink);
    if (this.#dialling.size >= MAX_DIALLING)
      throw refuse(ErrorCode.forbidden, 'too many connections are being opened here');
    this.#dial(request.signatory.nodeId, addresses, accept);
    return {
      body: encode(appAttach, {
        ufrag: '',
        password: '',
        application: body.application,
        role: 'active',
        candidates: activeCandidates(transport.overlayLink),
      }),
    };
  }

  #dial(nodeId: NodeId, addresses: readonly IpAddressPort[], accept: (connection: AppConnection) => void): void {
    const { clock, transport, log } = this.#deps;
    const abort = new AbortController();
    this.#dialling.add(abort);
    const late = new Failure({ code: 'unreachable' }, 'the requester could not be reached within 15 s');
    const timer = clock.after(DIAL_PATIENCE, () => abort.abort(late));
    transport
      .dialApplication(addresses, nodeId, abort.signal)
      .then(accept)
      .catch((error) =>
        log.info('no connection to the sender of an AppAttach', { nodeId, error: printable(messageOf(error)) }),
      )
      .finally(() => {
        timer.cancel();
        this.#dialling.delete(abort);
      });
  }
}

/** RFC 6940 §14.5: 0 is invalid and 65535 reserved. */
function requireApplication(application: number): void {
  if (Number.isInteger(application) && application > 0 && application < 65535) return;
  throw new RangeError(`application ${application} is not one of 1..65534`);
}
