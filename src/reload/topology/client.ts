import { type Clock, delay, type Timer } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import type { LinkTable } from '#reload/forwarding/link-table.ts';
import type { NextHop } from '#reload/forwarding/next-hop.ts';
import type { Exchange, IncomingRequest, Response } from '#reload/messaging/exchange.ts';
import { type Attaching, type Entrances, jittered, type TopologyFault } from '#reload/topology/chord/core.ts';
import { byDistanceFrom } from '#reload/topology/chord/ring.ts';
import { attachThrough } from '#reload/topology/entrance.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination } from '#reload/wire/destination.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';
import { pingReq } from '#reload/wire/ping.ts';
import { chordUpdate } from '#reload/wire/update.ts';

export interface ClientDeps {
  readonly nodeId: NodeId;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly links: LinkTable;
  readonly exchange: Exchange;
  readonly attacher: Attaching;
  readonly entrances: Entrances;
}

export interface ClientOptions {
  /** The uplink is pinged this often, in milliseconds. */
  readonly livenessInterval: number;
  /** An uplink that does not answer a Ping within this time is given up. */
  readonly suspicionTimeout: number;
  /** Between attempts to find another uplink; doubles from `first` up to `max`. */
  readonly rejoinBackoff: { readonly first: number; readonly max: number };
  /** A hosted client has one uplink for good: the peer in whose process it lives. */
  readonly uplink?: NodeId;
}

/**
 * The place of a client (RFC 6940 §4.2): it is responsible for nothing, passes nothing on, and sends everything to its uplink, the peer
 * that is responsible for its own Node-ID. So others reach it under that Node-ID.
 */
export class Client implements NextHop {
  readonly #deps: ClientDeps;
  readonly #options: ClientOptions;
  readonly #stopping = new AbortController();
  #uplink: NodeId | undefined;
  #timer: Timer | undefined;
  #connecting = false;
  #moving = false;

  constructor(deps: ClientDeps, options: ClientOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#uplink = options.uplink;
  }

  get uplink(): NodeId | undefined {
    return this.#uplink;
  }

  start(): void {
    const { exchange, links } = this.#deps;
    exchange.handle(MessageCode.updateReq, (request) => this.#takeUpdate(request));
    if (this.#options.uplink !== undefined) return;
    links.observe({
      up: () => {},
      down: (node) => {
        if (node === this.#uplink) this.#lostUplink();
      },
      suspect: (node, suspected) => {
        if (suspected && node === this.#uplink) void this.#check(node);
      },
    });
  }

  /** Finds the uplink through the first entrance that leads to one. Rejects with `Failure<TopologyFault>`. */
  async join(signal: AbortSignal): Promise<void> {
    if (this.#options.uplink !== undefined) return;
    const { nodeId, log, entrances } = this.#deps;
    const either = AbortSignal.any([signal, this.#stopping.signal]);
    // The responsible peer for a Resource-ID equal to the own Node-ID is the one that messages to the Node-ID come to.
    const place = nodeId as string as ResourceId;
    let last: unknown;
    for await (const entrance of entrances.contacts(either)) {
      try {
        this.#settle(await attachThrough(this.#deps, entrance, place, either));
        return;
      } catch (error) {
        either.throwIfAborted();
        last = error;
        log.info('no uplink found here', { entrance, why: messageOf(error) });
      }
    }
    const detail = 'no bootstrap node led to a peer; check bootstrap-node in the configuration and the network';
    throw new Failure<TopologyFault>({ code: 'no-contact' }, detail, last);
  }

  stop(): void {
    this.#stopping.abort();
    this.#timer?.cancel();
  }

  isResponsible(): boolean {
    return false;
  }

  nextHop(_target: NodeId | ResourceId, previousHop?: NodeId): NodeId | undefined {
    if (previousHop !== undefined || this.#uplink === undefined) return undefined;
    return this.#deps.links.get(this.#uplink) === undefined ? undefined : this.#uplink;
  }

  #settle(uplink: NodeId): void {
    this.#uplink = uplink;
    this.#deps.log.info('uplink found', { uplink });
    this.#watch();
  }

  #watch(): void {
    const { clock, random } = this.#deps;
    this.#timer?.cancel();
    this.#timer = clock.after(jittered(random, this.#options.livenessInterval), () => {
      if (this.#uplink !== undefined) void this.#check(this.#uplink);
      this.#watch();
    });
  }

  async #check(uplink: NodeId): Promise<void> {
    const { exchange, links } = this.#deps;
    try {
      await exchange.request({
        destination: [nodeDestination(uplink)],
        code: MessageCode.pingReq,
        body: encode(pingReq, { padding: new Uint8Array() }),
        firstHop: uplink,
        timeoutMs: this.#options.suspicionTimeout,
        signal: this.#stopping.signal,
      });
    } catch {
      if (!this.#stopping.signal.aborted) {
        links.remove(uplink, new Failure({ code: 'timeout' }, 'the uplink does not answer'));
      }
    }
  }

  /** RFC 6940 §4.2.1: follows the responsibility for the own Node-ID. */
  #takeUpdate(request: IncomingRequest): Response {
    const from = request.signatory.nodeId;
    const update = decode(chordUpdate, request.body);
    if (from === this.#uplink && this.#options.uplink === undefined && update.type !== 'peer_ready') {
      const order = byDistanceFrom(this.#deps.nodeId);
      const candidates = [...update.predecessors, ...update.successors].filter((node) => node !== this.#deps.nodeId);
      const [nearest] = candidates.sort(order);
      if (nearest !== undefined && order(nearest, from) < 0) void this.#moveTo(nearest, from);
    }
    return { body: new Uint8Array() };
  }

  async #moveTo(node: NodeId, from: NodeId): Promise<void> {
    if (this.#moving) return;
    this.#moving = true;
    const { attacher, links, log } = this.#deps;
    try {
      await attacher.attach([nodeDestination(from), nodeDestination(node)], {
        sendUpdate: true,
        firstHop: from,
        signal: this.#stopping.signal,
      });
      this.#settle(node);
      links.remove(from);
    } catch (error) {
      log.info('could not follow to the new responsible peer', { node, why: messageOf(error) });
    } finally {
      this.#moving = false;
    }
  }

  #lostUplink(): void {
    this.#uplink = undefined;
    if (!this.#stopping.signal.aborted) void this.#reconnect();
  }

  async #reconnect(): Promise<void> {
    if (this.#connecting) return;
    this.#connecting = true;
    const { clock, random, log } = this.#deps;
    const { signal } = this.#stopping;
    const { first, max } = this.#options.rejoinBackoff;
    log.warn('uplink lost');
    try {
      for (let wait = first; this.#uplink === undefined; wait = Math.min(2 * wait, max)) {
        try {
          await this.join(signal);
        } catch (error) {
          log.info('no uplink yet', { why: messageOf(error) });
          await delay(clock, jittered(random, wait), signal);
        }
      }
    } catch {
      // Stopped while waiting.
    } finally {
      this.#connecting = false;
    }
  }
}
