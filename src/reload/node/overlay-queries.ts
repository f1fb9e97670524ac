import type { Clock } from '#platform/clock.ts';
import type { Exchange } from '#reload/messaging/exchange.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import type { Destination } from '#reload/wire/destination.ts';
import { nodeDestination, resourceDestination } from '#reload/wire/destination.ts';
import { findAns, findReq } from '#reload/wire/find.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';
import { pingAns, pingReq } from '#reload/wire/ping.ts';
import { ProbeInformationType, probeAns, probeReq } from '#reload/wire/probe.ts';
import { chordRouteQueryAns, routeQueryReq } from '#reload/wire/route-query.ts';

/** What a peer said of itself (RFC 6940 §6.4.2.5). */
export interface ProbeResult {
  readonly nodeId: NodeId;
  /** Part of the ring it is responsible for, in parts per billion. */
  readonly share: number | undefined;
  readonly resources: number | undefined;
  /** Seconds. */
  readonly uptime: number | undefined;
}

interface QueryOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** Questions to the overlay beside records. All reject with `Failure<ExchangeFault>`. */
export class OverlayQueries {
  readonly #exchange: Exchange;
  readonly #clock: Clock;

  constructor(deps: { readonly exchange: Exchange; readonly clock: Clock }) {
    this.#exchange = deps.exchange;
    this.#clock = deps.clock;
  }

  /** Who is there, and how many milliseconds away. */
  async ping(destination: readonly Destination[], options: QueryOptions = {}) {
    const sent = this.#clock.now();
    const body = encode(pingReq, { padding: new Uint8Array() });
    const answer = await this.#exchange.request({ destination, code: MessageCode.pingReq, body, ...options });
    decode(pingAns, answer.body);
    return { nodeId: answer.signatory.nodeId, milliseconds: this.#clock.now() - sent };
  }

  async probe(destination: readonly Destination[], options: QueryOptions = {}): Promise<ProbeResult> {
    const body = encode(probeReq, { requestedInfo: Object.values(ProbeInformationType) });
    const answer = await this.#exchange.request({ destination, code: MessageCode.probeReq, body, ...options });
    const result: { [Name in 'share' | 'resources' | 'uptime']: number | undefined } = {
      share: undefined,
      resources: undefined,
      uptime: undefined,
    };
    for (const information of decode(probeAns, answer.body).probeInfo) {
      if (information.type === 'responsible_set') result.share = information.value;
      if (information.type === 'num_resources') result.resources = information.value;
      if (information.type === 'uptime') result.uptime = information.value;
    }
    return { nodeId: answer.signatory.nodeId, ...result };
  }

  /** The first resource at or after `resource` that its responsible peer stores, for each Kind; undefined where there is none. */
  async find(resource: ResourceId, kinds: readonly number[], options: QueryOptions = {}) {
    const answer = await this.#exchange.request({
      destination: [resourceDestination(resource)],
      code: MessageCode.findReq,
      body: encode(findReq, { resource, kinds }),
      ...options,
    });
    return decode(findAns, answer.body);
  }

  /** The peer that `node` would route to on the way to `target` (RFC 6940 §6.4.2.4). */
  async routeQuery(node: NodeId, target: Destination, options: QueryOptions = {}): Promise<NodeId> {
    const answer = await this.#exchange.request({
      destination: [nodeDestination(node)],
      code: MessageCode.routeQueryReq,
      body: encode(routeQueryReq, {
        sendUpdate: false,
        destination: target,
        overlaySpecificData: new Uint8Array(),
      }),
      ...options,
    });
    return decode(chordRouteQueryAns, answer.body).nextPeer;
  }
}
