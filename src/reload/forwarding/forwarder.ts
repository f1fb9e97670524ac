import type { Clock } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import { type Logger, printable } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import { ErrorBudget } from '#reload/forwarding/error-budget.ts';
import { packetsOf } from '#reload/forwarding/fragmenting.ts';
import type { LinkTable } from '#reload/forwarding/link-table.ts';
import type { NextHop } from '#reload/forwarding/next-hop.ts';
import { Reassembler } from '#reload/forwarding/reassembler.ts';
import { type ReturnMode, ReturnState } from '#reload/forwarding/return-state.ts';
import { type Decision, type DropReason, type RouteView, returnPath, route } from '#reload/forwarding/route.ts';
import type { Link } from '#reload/link/link.ts';
import type { ConfigurationSource } from '#reload/overlay-config/configuration.ts';
import { ErrorCode, isRequestCode, MessageCode } from '#reload/wire/codes.ts';
import { type Destination, nodeDestination } from '#reload/wire/destination.ts';
import {
  decodeHeader,
  encodeWithPayload,
  type ForwardingHeader,
  type HeaderFields,
  isFragment,
} from '#reload/wire/forwarding-header.ts';
import { type NodeId, overlayHash } from '#reload/wire/ids.ts';

/** A message that ends at this node, in one piece, its signature not yet checked. */
export interface Incoming {
  readonly header: ForwardingHeader;
  /** Everything after the header: message contents and security block. */
  readonly payload: Uint8Array;
  readonly link: Link;
  /** Undefined while the link's Node-ID is not known (RFC 6940 §6.1.2). */
  readonly previousHop: NodeId | undefined;
  /** Destination List of an answer. */
  readonly returnPath: readonly Destination[];
  /** Set when forwarding refused a request; the answer is this error and nothing else is done. */
  readonly refusal: { readonly errorCode: number; readonly info: string } | undefined;
}

export interface ForwarderDeps {
  readonly links: LinkTable;
  readonly nextHop: NextHop;
  readonly clock: Clock;
  readonly random: Random;
  readonly configuration: ConfigurationSource;
  readonly log: Logger;
  /** Takes every message for this node: `Messenger.receive`. */
  readonly deliver: (incoming: Incoming) => void;
}

export interface ForwarderOptions {
  readonly nodeId: NodeId;
  /** By default the Via List, as long as it is short. */
  readonly returnMode?: ReturnMode;
}

export type SendOutcome = 'sent' | 'local' | 'unreachable' | 'too-large';

/** Counts since the start, for status and tests. `dropped` by reason. */
export interface ForwarderCounters {
  delivered: number;
  forwarded: number;
  sent: number;
  readonly dropped: Partial<Record<DropReason | 'malformed' | 'too-large' | 'error-budget' | 'unbound', number>>;
}

/** Bytes of contents that show the message code. */
const CODE_BYTES = 2;
/** The requests taken over a link whose Node-ID is not known yet (RFC 6940 §6.1.2). */
const UNBOUND_MAY: ReadonlySet<number> = new Set([MessageCode.pingReq, MessageCode.attachReq]);

/** Takes messages from links, decides by their header alone, and passes them on or up (RFC 6940 §6.1). */
export class Forwarder {
  readonly #deps: ForwarderDeps;
  readonly #options: ForwarderOptions;
  readonly #reassembler: Reassembler;
  readonly #errors: ErrorBudget;
  readonly #returns: ReturnState;
  readonly counters: ForwarderCounters = { delivered: 0, forwarded: 0, sent: 0, dropped: {} };
  #overlay: { readonly name: string; readonly hash: number } | undefined;

  constructor(deps: ForwarderDeps, options: ForwarderOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#reassembler = new Reassembler(deps.clock);
    this.#errors = new ErrorBudget(deps.clock);
    this.#returns = new ReturnState(deps, {
      self: options.nodeId,
      mode: options.returnMode ?? 'list',
      // As long as the requester may wait: more than the reliability timer that RFC 6940 §6.1.2 asks for.
      lifetime: () => 5 * deps.configuration.current.reliabilityTimer,
    });
  }

  /** Requests whose way back this node keeps. */
  get returnsKept(): number {
    return this.#returns.size;
  }

  get nodeId(): NodeId {
    return this.#options.nodeId;
  }

  /** Whether a message of this node to `destinationList` would end at this node. */
  isLocal(destinationList: readonly Destination[]): boolean {
    const [first] = destinationList;
    if (first === undefined || destinationList.length > 1) return false;
    if (first.type === 'node') return first.id === this.#options.nodeId;
    return first.type === 'resource' && this.#deps.nextHop.isResponsible(first.id);
  }

  /** Sends a message of this node's own. With `firstHop` it leaves by that node's link whatever routing says. */
  send(header: HeaderFields, payload: Uint8Array, firstHop?: NodeId): SendOutcome {
    if (firstHop !== undefined) return this.#originate(this.#deps.links.get(firstHop), header, payload);
    const decision = route(header, this.#view(undefined, true));
    if (decision.type === 'deliver') return 'local';
    if (decision.type !== 'forward' && decision.type !== 'forward-opaque') return 'unreachable';
    return this.#originate(this.#linkOf(decision), decision.header, payload);
  }

  /** The linked node by which `send` would let such a message leave now. */
  wayOut(header: HeaderFields, firstHop?: NodeId): NodeId | undefined {
    if (firstHop !== undefined) return firstHop;
    const decision = route(header, this.#view(undefined, true));
    return decision.type === 'forward' ? decision.to : undefined;
  }

  /** Names the node behind a link that came without a Node-ID. */
  bind(link: Link, nodeId: NodeId): void {
    this.#deps.links.bind(link, nodeId);
  }

  /** Takes one message from a link. Never throws. */
  receive(link: Link, bytes: Uint8Array): void {
    try {
      this.#receive(link, bytes);
    } catch (error) {
      // For example a Via List that has no room for one more entry.
      this.#drop('malformed', link, messageOf(error));
    }
  }

  #receive(link: Link, bytes: Uint8Array): void {
    const max = this.#deps.configuration.current.maxMessageSize;
    const nodeIdLength = this.#deps.configuration.current.nodeIdLength;
    let decoded: ReturnType<typeof decodeHeader>;
    try {
      decoded = decodeHeader(bytes, { nodeIdLength });
    } catch (error) {
      this.#drop('malformed', link, messageOf(error));
      // RFC 6940 §6.6: a header that does not end within the limit is not answered.
      if (bytes.length > max) link.close(tooLarge(bytes.length));
      return;
    }
    const { header, headerLength } = decoded;
    const payload = bytes.subarray(headerLength);
    if (bytes.length > max) {
      this.#refuseOversize(link, header, headerLength, payload);
      return;
    }
    if (header.length !== bytes.length) {
      this.#drop('malformed', link, `length says ${header.length}, and ${bytes.length} bytes arrived`);
      return;
    }
    this.#follow(link, header, payload);
  }

  #follow(link: Link, header: ForwardingHeader, payload: Uint8Array): void {
    const previousHop = this.#hopOf(link);
    if (previousHop === undefined) return;
    const code = messageCode(header, payload);
    if (previousHop.type === 'opaque' && code !== undefined && isRequestCode(code) && !UNBOUND_MAY.has(code)) {
      this.#drop('unbound', link);
      const info = 'attach first: the certificate holds several Node-IDs';
      this.#refuse(link, previousHop, { header, payload }, { errorCode: ErrorCode.forbidden, info });
      return;
    }
    let isRequest = code === undefined ? undefined : isRequestCode(code);
    let unpacked = header;
    const list = isRequest === true ? header.destinationList : this.#returns.destinationList(header, previousHop);
    if (list !== header.destinationList) {
      // RFC 6940 §6.1.1: what was kept here goes back in first. Only answers and their fragments are found.
      unpacked = { ...header, destinationList: list };
      isRequest = false;
    }
    const decision = route(unpacked, this.#view(previousHop, isRequest));
    switch (decision.type) {
      case 'deliver':
        this.#deliver(link, previousHop, header, payload);
        return;
      case 'forward':
      case 'forward-opaque':
        this.#relay(link, previousHop, { header, payload, decision, isRequest });
        return;
      case 'drop':
        this.#drop(decision.reason, link);
        return;
      case 'reject':
        this.#drop(decision.reason, link, decision.info);
        this.#refuse(link, previousHop, { header, payload }, decision);
    }
  }

  #deliver(link: Link, previousHop: Destination, header: ForwardingHeader, payload: Uint8Array): void {
    let whole: { readonly header: ForwardingHeader; readonly payload: Uint8Array } | undefined = { header, payload };
    if (isFragment(header)) {
      const { maxMessageSize, reliabilityTimer } = this.#deps.configuration.current;
      const neighbour = previousHop.type === 'node' ? previousHop.id : link.peer.fingerprint;
      const limits = { maxBytes: maxMessageSize, lifetime: 5 * reliabilityTimer };
      whole = this.#reassembler.add(neighbour, header, payload, limits);
      if (whole === undefined) return;
    }
    this.counters.delivered++;
    this.#hand(link, previousHop, whole, undefined);
  }

  #relay(
    link: Link,
    previousHop: Destination,
    message: {
      readonly header: ForwardingHeader;
      readonly payload: Uint8Array;
      readonly decision: Extract<Decision, { readonly header: HeaderFields }>;
      readonly isRequest: boolean | undefined;
    },
  ): void {
    const { decision, isRequest } = message;
    let header = decision.header;
    if (isRequest !== false && decision.type === 'forward' && this.#returns.keeps(message.header)) {
      header = { ...header, viaList: this.#returns.viaList(message.header, previousHop, decision.to) };
    }
    const outcome = this.#transmit(this.#linkOf(decision), header, message.payload);
    if (outcome === 'sent') {
      this.counters.forwarded++;
    } else if (outcome === 'unreachable') {
      this.#drop('no-route', link);
    } else {
      // The Via List grew past the limit: better an answer than a neighbour that closes its link.
      this.#drop('too-large', link);
      const info = 'the message grew above max-message-size on its way';
      this.#refuse(link, previousHop, message, { errorCode: ErrorCode.messageTooLarge, info });
    }
  }

  #refuseOversize(link: Link, header: ForwardingHeader, headerLength: number, payload: Uint8Array): void {
    const max = this.#deps.configuration.current.maxMessageSize;
    this.#drop('too-large', link, `${header.length} bytes`);
    const previousHop = this.#hopOf(link);
    if (headerLength <= max && previousHop !== undefined) {
      const info = `max-message-size is ${max}`;
      this.#refuse(link, previousHop, { header, payload }, { errorCode: ErrorCode.messageTooLarge, info });
    }
    link.close(tooLarge(header.length));
  }

  /** Forwarders answer requests only, and only as often as the budget of that neighbour allows (RFC 6940 §6.3.3.1). */
  #refuse(
    link: Link,
    previousHop: Destination,
    message: { readonly header: ForwardingHeader; readonly payload: Uint8Array },
    refusal: { readonly errorCode: number; readonly info: string },
  ): void {
    const code = messageCode(message.header, message.payload);
    if (code === undefined || !isRequestCode(code)) return;
    if (!this.#errors.spend(link)) {
      this.#drop('error-budget', link);
      return;
    }
    this.#hand(link, previousHop, message, { errorCode: refusal.errorCode, info: refusal.info });
  }

  #hand(
    link: Link,
    previousHop: Destination,
    message: { readonly header: ForwardingHeader; readonly payload: Uint8Array },
    refusal: Incoming['refusal'],
  ): void {
    this.#deps.deliver({
      header: message.header,
      payload: message.payload,
      link,
      previousHop: previousHop.type === 'node' ? previousHop.id : undefined,
      returnPath: returnPath(message.header, previousHop),
      refusal,
    });
  }

  #originate(link: Link | undefined, header: HeaderFields, payload: Uint8Array): SendOutcome {
    const outcome = this.#transmit(link, header, payload);
    if (outcome === 'sent') this.counters.sent++;
    return outcome;
  }

  #transmit(link: Link | undefined, header: HeaderFields, payload: Uint8Array): Exclude<SendOutcome, 'local'> {
    if (link === undefined) return 'unreachable';
    const { nodeIdLength, maxMessageSize } = this.#deps.configuration.current;
    const bytes = encodeWithPayload(header, payload, { nodeIdLength });
    if (bytes.length > maxMessageSize) return 'too-large';
    const packets = packetsOf(header, payload, { whole: bytes, mtu: link.mtu }, { nodeIdLength });
    for (const packet of packets) link.send(packet);
    return 'sent';
  }

  #linkOf(decision: Decision): Link | undefined {
    if (decision.type === 'forward') return this.#deps.links.get(decision.to);
    return decision.type === 'forward-opaque' ? this.#deps.links.byOpaqueId(decision.id) : undefined;
  }

  #hopOf(link: Link): Destination | undefined {
    if (link.nodeId !== undefined) return nodeDestination(link.nodeId);
    const id = this.#deps.links.opaqueIdOf(link);
    return id === undefined ? undefined : { type: 'opaque', id, compact: true };
  }

  #view(previousHop: Destination | undefined, isRequest: boolean | undefined): RouteView {
    const { links, nextHop, configuration } = this.#deps;
    return {
      self: this.#options.nodeId,
      overlay: this.overlay,
      initialTtl: configuration.current.initialTtl,
      previousHop,
      isRequest,
      nextHop,
      isLinked: (nodeId) => links.get(nodeId) !== undefined,
      isOwnOpaque: (id) => links.byOpaqueId(id) !== undefined,
    };
  }

  /** The overlay field of every header (RFC 6940 §6.3.2). */
  get overlay(): number {
    const name = this.#deps.configuration.current.instanceName;
    if (this.#overlay?.name !== name) this.#overlay = { name, hash: overlayHash(name) };
    return this.#overlay.hash;
  }

  #drop(reason: keyof ForwarderCounters['dropped'], link: Link, detail?: string): void {
    this.counters.dropped[reason] = (this.counters.dropped[reason] ?? 0) + 1;
    this.#deps.log.debug('message dropped', {
      reason,
      from: link.nodeId ?? link.remoteAddress,
      ...(detail === undefined ? {} : { detail: printable(detail) }),
    });
  }
}

/** Undefined where the message code is not in sight (RFC 6940 §6.7). */
function messageCode(header: ForwardingHeader, payload: Uint8Array): number | undefined {
  if (header.fragment.offset !== 0 || payload.length < CODE_BYTES) return undefined;
  return ((payload[0] ?? 0) << 8) | (payload[1] ?? 0);
}

function tooLarge(length: number): Failure<{ readonly code: 'too-large'; readonly length: number }> {
  return new Failure({ code: 'too-large', length }, `a message of ${length} bytes is above max-message-size`);
}
