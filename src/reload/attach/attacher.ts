import type { Clock } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import { type Logger, printable } from '#platform/log.ts';
import { AppAttaching } from '#reload/attach/app-attaching.ts';
import { activeCandidates, addressesOf, passiveCandidates } from '#reload/attach/candidates.ts';
import { LinkWaiter } from '#reload/attach/link-waiter.ts';
import type { LinkTable } from '#reload/forwarding/link-table.ts';
import type { AppConnection, Link, Offer, OverlayTransport } from '#reload/link/link.ts';
import type { Exchange, ExchangeFault, IncomingRequest, Response } from '#reload/messaging/exchange.ts';
import { refuse } from '#reload/messaging/refusal.ts';
import type { IpAddressPort } from '#reload/wire/address.ts';
import { attach } from '#reload/wire/attach.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { ErrorCode, MessageCode } from '#reload/wire/codes.ts';
import type { Destination } from '#reload/wire/destination.ts';
import { type NodeId, WILDCARD_NODE_ID } from '#reload/wire/ids.ts';

export interface AttacherDeps {
  readonly exchange: Exchange;
  readonly transport: OverlayTransport;
  readonly links: LinkTable;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface AttacherOptions {
  readonly nodeId: NodeId;
}

export interface AttachOptions {
  /** Asks the other side to send an Update once the link is up (RFC 6940 §6.5.1.1). */
  readonly sendUpdate?: boolean;
  /** Sends the request over this neighbour's link whatever routing says. */
  readonly firstHop?: NodeId;
  readonly signal?: AbortSignal;
}

/** Links that others asked for and that are being dialled. */
const MAX_DIALLING = 64;
/** How long dialling may take, in milliseconds; the requester's listener lives no longer. */
const DIAL_PATIENCE = 15_000;

/** An Attach of this node that has not led to a link yet (RFC 6940 §6.5.1.2). */
interface Outgoing {
  phase: 'asked' | 'answered';
  /** Gives way to the other side's Attach: the own request is not repeated any more. */
  readonly yielded: AbortController;
  readonly link: Promise<Link>;
}

/** Opens links by Attach and application connections by AppAttach, in both roles (RFC 6940 §6.5.1, §6.5.2). */
export class Attacher {
  readonly #deps: AttacherDeps;
  readonly #nodeId: NodeId;
  readonly #waiter: LinkWaiter;
  readonly #applications: AppAttaching;
  readonly #outgoing = new Map<NodeId, Outgoing>();
  readonly #dialling = new Map<NodeId, AbortController>();
  readonly #listeners: ((nodeId: NodeId, sendUpdateRequested: boolean) => void)[] = [];

  constructor(deps: AttacherDeps, options: AttacherOptions) {
    this.#deps = deps;
    this.#nodeId = options.nodeId;
    this.#waiter = new LinkWaiter(deps);
    this.#applications = new AppAttaching(deps);
  }

  /** Registers the handlers of Attach and AppAttach requests. Called once, before the first link. */
  start(): void {
    const { exchange, links } = this.#deps;
    links.observe({ up: (nodeId) => this.#waiter.up(nodeId), down: () => {}, suspect: () => {} });
    exchange.handle(MessageCode.attachReq, (request) => this.#onAttach(request));
    exchange.handle(MessageCode.appAttachReq, (request) => this.#applications.onRequest(request));
  }

  /** Gives up every link that is being dialled. */
  stop(): void {
    for (const dialling of this.#dialling.values()) dialling.abort();
    this.#applications.stop();
  }

  /** Told when an Attach, of either side, has made a link or found one open; and whether the other side asked for an Update. */
  onAttached(listener: (nodeId: NodeId, sendUpdateRequested: boolean) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Resolves with an open link to the node that answered, which is in the link table by then. An open link to a node destination is
   * returned at once, unless an Update is wanted. Rejects with `Failure<ExchangeFault>` or `Failure<LinkFault>`.
   */
  attach(destination: readonly Destination[], options: AttachOptions = {}): Promise<Link> {
    const target = targetOf(destination);
    if (target !== undefined) {
      const open = this.#workingLink(target);
      if (open !== undefined && options.sendUpdate !== true) return Promise.resolve(open);
      const going = this.#outgoing.get(target);
      if (going !== undefined) return going.link;
    }
    const yielded = new AbortController();
    const { promise, settle } = deferred<Link>();
    const outgoing: Outgoing = { phase: 'asked', yielded, link: promise };
    if (target !== undefined) this.#outgoing.set(target, outgoing);
    settle(this.#open(destination, options, outgoing).finally(() => this.#forget(outgoing)));
    return promise;
  }

  appAttach(destination: readonly Destination[], application: number, signal: AbortSignal): Promise<AppConnection> {
    return this.#applications.attach(destination, application, signal);
  }

  /** Takes connections for an application, for example 5060 for SIP (RFC 6940 §14.5). Others are answered Error_Not_Found. */
  onAppAttach(application: number, accept: (connection: AppConnection) => void): void {
    this.#applications.serve(application, accept);
  }

  async #open(destination: readonly Destination[], options: AttachOptions, outgoing: Outgoing): Promise<Link> {
    const signal = options.signal ?? new AbortController().signal;
    const offer = await this.#deps.transport.offerLink();
    try {
      const answered = await this.#ask(destination, options, { outgoing, offer });
      const nodeId = answered.nodeId;
      outgoing.phase = 'answered';
      if (nodeId === this.#nodeId)
        throw unreachable('the Attach came back to this node: it is alone at that place of the ring');
      this.#outgoing.set(nodeId, outgoing);
      const link = this.#workingLink(nodeId) ?? (await this.#take(offer, nodeId, signal));
      this.#tell(nodeId, answered.sendUpdate);
      return link;
    } catch (error) {
      const other = outgoing.yielded.signal.aborted ? targetOf(destination) : inProgressAt(error);
      if (other === undefined) throw error;
      // The other side's Attach goes on in place of this one, and its link serves both.
      return await this.#waiter.linkTo(other, signal);
    } finally {
      offer.close();
    }
  }

  async #ask(
    destination: readonly Destination[],
    options: AttachOptions,
    { outgoing, offer }: { readonly outgoing: Outgoing; readonly offer: Offer<Link> },
  ): Promise<{ readonly nodeId: NodeId; readonly sendUpdate: boolean }> {
    const { exchange, transport } = this.#deps;
    const signals = [outgoing.yielded.signal, ...(options.signal === undefined ? [] : [options.signal])];
    const answer = await exchange.request({
      destination,
      code: MessageCode.attachReq,
      body: encode(attach, {
        ufrag: '',
        password: '',
        role: 'passive',
        candidates: passiveCandidates(offer.addresses, transport.overlayLink),
        sendUpdate: options.sendUpdate ?? false,
      }),
      signal: AbortSignal.any(signals),
      ...(options.firstHop === undefined ? {} : { firstHop: options.firstHop }),
    });
    return { nodeId: answer.signatory.nodeId, sendUpdate: decode(attach, answer.body).sendUpdate };
  }

  /** The answerer dials; a link that came up meanwhile by the other side's own Attach is as good. */
  async #take(offer: Offer<Link>, nodeId: NodeId, signal: AbortSignal): Promise<Link> {
    const either = new AbortController();
    const both = AbortSignal.any([signal, either.signal]);
    const taken = offer.accept(nodeId, both).then((link) => this.#enter(link, nodeId));
    const waited = this.#waiter.linkTo(nodeId, both);
    try {
      return await Promise.any([taken, waited]);
    } catch (error) {
      throw error instanceof AggregateError ? error.errors[0] : error;
    } finally {
      either.abort();
    }
  }

  #workingLink(nodeId: NodeId): Link | undefined {
    const { links } = this.#deps;
    return links.isSuspect(nodeId) ? undefined : links.get(nodeId);
  }

  #enter(link: Link, nodeId: NodeId): Link {
    link.bind(nodeId);
    this.#deps.links.add(link);
    return this.#deps.links.get(nodeId) ?? link;
  }

  #onAttach(request: IncomingRequest): Response {
    const { transport, links } = this.#deps;
    const body = decode(attach, request.body);
    const from = request.signatory.nodeId;
    if (body.role !== 'passive') throw refuse(ErrorCode.invalidMessage, 'the role of a request is "passive"');
    const addresses = addressesOf(body.candidates, transport.overlayLink);
    if (from === this.#nodeId) throw refuse(ErrorCode.forbidden, 'a node cannot attach to itself');
    this.#breakTie(from);
    // Over its own link: that link works at both ends, and a second one would only be dropped again.
    const linked = request.previousHop === from && links.get(from) !== undefined;
    if (linked) this.#tell(from, body.sendUpdate);
    else this.#dial(from, addresses, body.sendUpdate);
    return {
      body: encode(attach, {
        ufrag: '',
        password: '',
        role: 'active',
        candidates: activeCandidates(transport.overlayLink),
        sendUpdate: false,
      }),
    };
  }

  /** Two nodes attach to each other at once: the larger Node-ID's request goes on (RFC 6940 §6.5.1.2). */
  #breakTie(from: NodeId): void {
    const own = this.#outgoing.get(from);
    if (own === undefined) return;
    if (own.phase === 'answered') throw refuse(ErrorCode.inProgress, 'the link of my own Attach is being opened');
    if (this.#nodeId > from) throw refuse(ErrorCode.inProgress, 'my own Attach goes on');
    own.yielded.abort();
  }

  #dial(nodeId: NodeId, addresses: readonly IpAddressPort[], sendUpdate: boolean): void {
    this.#dialling.get(nodeId)?.abort();
    if (this.#dialling.size >= MAX_DIALLING) throw refuse(ErrorCode.forbidden, 'too many links are being opened here');
    const { clock, transport, log } = this.#deps;
    const abort = new AbortController();
    this.#dialling.set(nodeId, abort);
    const timer = clock.after(DIAL_PATIENCE, () =>
      abort.abort(unreachable('the requester could not be reached within 15 s')),
    );
    transport
      .dialLink(addresses, nodeId, abort.signal)
      .then((link) => {
        this.#enter(link, nodeId);
        this.#tell(nodeId, sendUpdate);
      })
      .catch((error) => log.debug('no link to the sender of an Attach', { nodeId, error: printable(messageOf(error)) }))
      .finally(() => {
        timer.cancel();
        if (this.#dialling.get(nodeId) === abort) this.#dialling.delete(nodeId);
      });
  }

  #tell(nodeId: NodeId, sendUpdateRequested: boolean): void {
    for (const listener of this.#listeners) listener(nodeId, sendUpdateRequested);
  }

  #forget(outgoing: Outgoing): void {
    for (const [nodeId, entry] of this.#outgoing) if (entry === outgoing) this.#outgoing.delete(nodeId);
  }
}

/** The Node-ID that an Attach asks for; undefined when any node at a place of the ring will do. */
function targetOf(destination: readonly Destination[]): NodeId | undefined {
  const last = destination.at(-1);
  return last?.type === 'node' && last.id !== WILDCARD_NODE_ID ? last.id : undefined;
}

/** Who answered Error_In_Progress: its own Attach to this node is under way. */
function inProgressAt(error: unknown): NodeId | undefined {
  const fault = error instanceof Failure ? (error as Failure<ExchangeFault>).fault : undefined;
  if (fault?.code !== 'remote' || fault.errorCode !== ErrorCode.inProgress) return undefined;
  return fault.signatory.nodeId;
}

function unreachable(detail: string): Failure<{ readonly code: 'unreachable' }> {
  return new Failure({ code: 'unreachable' }, detail);
}

function deferred<T>(): { readonly promise: Promise<T>; readonly settle: (value: Promise<T>) => void } {
  let settle: (value: Promise<T>) => void = () => {};
  const promise = new Promise<T>((resolve) => {
    settle = resolve;
  });
  return { promise, settle };
}
