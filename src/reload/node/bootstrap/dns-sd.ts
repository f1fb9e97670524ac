import { isIP } from 'node:net';
import type { Bonjour, Service } from 'bonjour-service';
import { type Clock, delay } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import { type Logger, printable } from '#platform/log.ts';
import { Arrivals } from '#reload/node/bootstrap/arrivals.ts';
import { guardedSocket } from '#reload/node/bootstrap/guarded-socket.ts';
import { multicastInterfaces } from '#reload/node/bootstrap/multicast-sockets.ts';
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
const GROUP = '224.0.0.251';
/** Network interfaces beyond this many are left out. */
const MAX_INTERFACES = 8;
/** How long answers are waited for, in milliseconds; a responder may take 120 (RFC 6762 §6). Meanwhile the question is repeated once. */
const PATIENCE = 1200;
const REPEATED_AFTER = 500;
/** Services of one search that are looked at. */
const MAX_SERVICES = 64;
/** Addresses of one search that are tried, and of one service. */
const MAX_FOUND = 16;
const MAX_ADDRESSES = 4;
/** The longest string of a TXT record, in bytes (RFC 1035 §3.3). */
const MAX_TXT = 255;
/** How long the farewell may take, in milliseconds. */
const FAREWELL = 500;

/** Finds peers of the overlay on the local network by DNS-SD over multicast DNS (RFC 6762, RFC 6763), and lets them find this one. */
export class DnsSd implements Finder {
  readonly way = 'dns-sd';
  readonly #deps: DnsSdDeps;
  readonly #options: DnsSdOptions;
  #published: readonly Bonjour[] = [];

  constructor(deps: DnsSdDeps, options: DnsSdOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  async *find(signal: AbortSignal): AsyncIterable<BootstrapAddress> {
    const responders = await this.#open();
    if (responders.length === 0) return;
    const found = new Arrivals<BootstrapAddress>(MAX_FOUND);
    let left = MAX_SERVICES;
    const seen = new Set<string>();
    const take = (service: Partial<Service>) => {
      left--;
      if (left <= 0) stop();
      for (const at of addressesOf(service, this.#deps, this.#options)) {
        const key = `${at.address} ${at.port}`;
        if (!seen.has(key)) found.add(at);
        seen.add(key);
      }
    };
    const browsers = responders.map((responder) => responder.find({ type: SERVICE_TYPE }, take));
    const stop = () => {
      for (const browser of browsers) browser.stop();
    };
    const again = this.#deps.clock.after(REPEATED_AFTER, () => {
      for (const browser of browsers) browser.update();
    });
    try {
      yield* found.within(this.#deps.clock, PATIENCE, signal);
    } finally {
      again.cancel();
      stop();
      for (const responder of responders) responder.destroy();
    }
  }

  /** Says on the local network that this node takes links at `port`. Never rejects. */
  async announce(port: number): Promise<void> {
    const { nodeId, configuration, log } = this.#deps;
    const { instanceName } = configuration.current;
    if (Buffer.byteLength(`overlay=${instanceName}`) > MAX_TXT) return;
    this.#published = await this.#open();
    const txt = { overlay: instanceName };
    // Node-IDs are unique, so nobody has to be asked; the machine's own name is nobody's business.
    const host = `${nodeId}.local`;
    for (const responder of this.#published) {
      responder.publish({ name: nodeId, host, type: SERVICE_TYPE, port, txt, probe: false });
    }
    log.debug('announced on the local network', { port, interfaces: this.#published.length });
  }

  async close(): Promise<void> {
    const responders = this.#published;
    this.#published = [];
    const farewells = responders.map(
      (responder) => new Promise<void>((resolve) => responder.unpublishAll(() => resolve())),
    );
    if (farewells.length > 0) await Promise.race([Promise.all(farewells), delay(this.#deps.clock, FAREWELL)]);
    for (const responder of responders) responder.destroy();
  }

  /** One for each network interface, since the system would choose only one of them; none where this machine cannot. */
  async #open(): Promise<readonly Bonjour[]> {
    const interfaces = multicastInterfaces(GROUP, this.#options.loopback).slice(0, MAX_INTERFACES);
    const opened = await Promise.allSettled(interfaces.map((at) => this.#openAt(at)));
    return opened.flatMap((result) => {
      if (result.status === 'fulfilled') return [result.value];
      this.#deps.log.warn('no DNS-SD at a network interface', { why: printable(messageOf(result.reason)) });
      return [];
    });
  }

  async #openAt(networkInterface: string): Promise<Bonjour> {
    const { clock, log } = this.#deps;
    const { port = MULTICAST_DNS_PORT } = this.#options;
    const { Bonjour: Implementation } = await import('bonjour-service');
    let failed: (reason: Error) => void = () => {};
    const trouble = (what: string) => log.debug('trouble with DNS-SD', { what: printable(what) });
    const socket = guardedSocket({
      now: () => clock.now(),
      caught: (what) => {
        trouble(what);
        failed(new Error(what));
      },
    });
    const settings: object = { socket, bind: false, port, interface: networkInterface };
    const bonjour = new Implementation(settings, (error: unknown) => trouble(messageOf(error)));
    try {
      await new Promise<void>((resolve, reject) => {
        failed = reject;
        socket.bind({ port, address: '0.0.0.0', exclusive: true }, () => resolve());
      });
    } catch (thrown) {
      bonjour.destroy();
      throw thrown;
    }
    socket.unref();
    return bonjour;
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
