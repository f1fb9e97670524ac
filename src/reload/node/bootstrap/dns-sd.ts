import type { Socket } from 'node:dgram';
import { isIP } from 'node:net';
import type { Bonjour, Service } from 'bonjour-service';
import { type Clock, delay } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import { type Logger, printable } from '#platform/log.ts';
import { Arrivals } from '#reload/node/bootstrap/arrivals.ts';
import { guardedSocket } from '#reload/node/bootstrap/guarded-socket.ts';
import type { Finder } from '#reload/node/bootstrap/way.ts';
import type { BootstrapAddress } from '#reload/node/peer-cache.ts';
import type { ConfigurationSource } from '#reload/overlay-config/configuration.ts';
import type { NodeId } from '#reload/wire/ids.ts';

export interface DnsSdDeps {
  readonly nodeId: NodeId;
  readonly configuration: ConfigurationSource;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface DnsSdOptions {
  /** Stays on the loopback interface; for overlays on one machine. */
  readonly loopback: boolean;
  /** By default that of multicast DNS. */
  readonly port?: number;
}

/**
 * Of RELOAD's names only `reload-config` is registered, for servers that hand out the configuration document (RFC 6940 §14.2). A peer
 * that takes newcomers is none, so it has a name of its own.
 */
const SERVICE_TYPE = 'reload-peer';
const MULTICAST_DNS_PORT = 5353;
/** How long answers are waited for, in milliseconds; a responder may take 120 (RFC 6762 §6). */
const PATIENCE = 2000;
/** Services of one search that are looked at. */
const MAX_SERVICES = 64;
/** Addresses of one search that are tried, and of one service. */
const MAX_FOUND = 16;
const MAX_ADDRESSES = 4;
/** The longest string of a TXT record, in bytes (RFC 1035 §3.3). */
const MAX_TXT = 255;
/** How long the farewell may take, in milliseconds. */
const FAREWELL = 500;

interface Responder {
  readonly bonjour: Bonjour;
  readonly socket: Socket;
}

/** Finds peers of the overlay on the local network by DNS-SD over multicast DNS (RFC 6762, RFC 6763), and lets them find this one. */
export class DnsSd implements Finder {
  readonly way = 'dns-sd';
  readonly #deps: DnsSdDeps;
  readonly #options: DnsSdOptions;
  #published: Responder | undefined;

  constructor(deps: DnsSdDeps, options: DnsSdOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  async *find(signal: AbortSignal): AsyncIterable<BootstrapAddress> {
    const responder = await this.#open();
    if (responder === undefined) return;
    const found = new Arrivals<BootstrapAddress>(MAX_FOUND);
    let left = MAX_SERVICES;
    const browser = responder.bonjour.find({ type: SERVICE_TYPE }, (service) => {
      left--;
      if (left <= 0) browser.stop();
      for (const at of addressesOf(service, this.#deps, this.#options)) found.add(at);
    });
    try {
      yield* found.within(this.#deps.clock, PATIENCE, signal);
    } finally {
      browser.stop();
      responder.bonjour.destroy();
    }
  }

  /** Says on the local network that this node takes links at `port`. Never rejects. */
  async announce(port: number): Promise<void> {
    const { nodeId, configuration, log } = this.#deps;
    const { instanceName } = configuration.current;
    if (Buffer.byteLength(`overlay=${instanceName}`) > MAX_TXT) return;
    const responder = await this.#open();
    if (responder === undefined) return;
    this.#published = responder;
    const txt = { overlay: instanceName };
    // Node-IDs are unique, so nobody has to be asked; the machine's own name is nobody's business.
    const host = `${nodeId}.local`;
    responder.bonjour.publish({ name: nodeId, host, type: SERVICE_TYPE, port, txt, probe: false });
    log.debug('announced on the local network', { port });
  }

  async close(): Promise<void> {
    const { bonjour } = this.#published ?? {};
    this.#published = undefined;
    if (bonjour === undefined) return;
    const farewell = new Promise<void>((resolve) => bonjour.unpublishAll(() => resolve()));
    await Promise.race([farewell, delay(this.#deps.clock, FAREWELL)]);
    bonjour.destroy();
  }

  /** Undefined when this machine cannot: the other ways in remain. */
  async #open(): Promise<Responder | undefined> {
    const { clock, log } = this.#deps;
    const { loopback, port = MULTICAST_DNS_PORT } = this.#options;
    try {
      const { Bonjour: Implementation } = await import('bonjour-service');
      let failed: (reason: Error) => void = () => {};
      const socket = guardedSocket({
        now: () => clock.now(),
        caught: (what) => {
          log.debug('trouble with DNS-SD', { what: printable(what) });
          failed(new Error(what));
        },
      });
      const settings: object = { socket, bind: false, port, ...(loopback ? { interface: '127.0.0.1' } : {}) };
      const bonjour = new Implementation(settings, (error: unknown) =>
        log.debug('trouble with DNS-SD', { what: printable(messageOf(error)) }),
      );
      await new Promise<void>((resolve, reject) => {
        failed = reject;
        socket.bind({ port, address: '0.0.0.0', exclusive: true }, () => resolve());
      });
      socket.unref();
      return { bonjour, socket };
    } catch (thrown) {
      log.warn('no DNS-SD on this machine', { why: printable(messageOf(thrown)) });
      return undefined;
    }
  }
}

/**
 * Where a found service can be dialled, for services of this overlay that are not this node. What the entry says is a hint and no more:
 * the handshake shows who answers there. The address that it was sent from comes first.
 */
function addressesOf(
  service: Partial<Service>,
  { nodeId, configuration }: DnsSdDeps,
  { loopback }: DnsSdOptions,
): readonly BootstrapAddress[] {
  const { name, port, txt, referer, addresses = [] } = service;
  const overlay: unknown = txt?.overlay;
  const isOurs =
    typeof overlay === 'string' && overlay.toLowerCase() === configuration.current.instanceName.toLowerCase();
  if (!isOurs || name === nodeId || port === undefined || !(port > 0 && port < 65_536)) return [];
  const all = [...(referer === undefined ? [] : [referer.address]), ...(loopback ? [] : addresses)];
  const usable = all.filter((address) => isIP(address) !== 0 && (loopback || !isLoopback(address)));
  return [...new Set(usable)].slice(0, MAX_ADDRESSES).map((address) => ({ address, port }));
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}
