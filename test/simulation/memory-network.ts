import type { Clock } from '#platform/clock.ts';
import type { Certificate } from '#reload/security/identity.ts';
import type { IpAddressPort } from '#reload/wire/address.ts';
import type { MemoryDatagramLink } from './memory-datagram.ts';
import type { MemoryLink, MemoryStream } from './memory-link.ts';
import type { SeededRandom } from './seeded-random.ts';
import { ProcessClock } from './virtual-clock.ts';

/** One-way delays in milliseconds: drawn evenly, or log-normal with this median and spread (of the logarithm), cut off at `max`. */
export type Latency =
  | { readonly min: number; readonly max: number }
  | { readonly median: number; readonly sigma: number; readonly max: number };

export interface MemoryNetworkOptions {
  /** One-way delay of a message. */
  readonly latencyMs: Latency;
  /** Share of messages that the link has to send again, each time 300 ms later. */
  readonly loss: number;
  /** Share of messages that arrive twice. */
  readonly duplicate: number;
  /** Share of messages that others may overtake. */
  readonly reorder: number;
  /** With it links carry datagrams, as DTLS does, of at most so many bytes without IP cutting them up; else they are like TLS. */
  readonly datagramMtu?: number;
}

const RETRANSMISSION_MS = 300;
/** Ports that are given out in turn, as a system does. */
const FIRST_PORT = 10_000;
const PORTS = 50_000;
/** How much later a message arrives that others overtake, at most. */
const OVERTAKEN_MS = 200;

export interface Listening {
  readonly host: MemoryHost;
  readonly certificate: Certificate;
  readonly kind: 'link' | 'application';
  /** Makes the listening end of the connection, or undefined when it refuses. `announce` tells the listener, once both ends are joined. */
  accept(dialler: Dialler): { readonly end: ConnectionEnd; announce(): void } | undefined;
}

export type ConnectionEnd = MemoryLink | MemoryDatagramLink | MemoryStream;

export interface Dialler {
  readonly host: MemoryHost;
  readonly certificate: Certificate;
}

/** Hosts that reach each other with a delay, all in this process. */
export class MemoryNetwork {
  readonly #clock: Clock;
  readonly #random: SeededRandom;
  readonly #options: MemoryNetworkOptions;
  readonly #listening = new Map<string, Listening>();
  #parted: readonly MemoryHost[] = [];
  #hosts = 0;
  #offers = 0;
  /** What could not leave while the network is parted, oldest first. */
  #held: (() => void)[] = [];
  messages = 0;
  bytes = 0;

  constructor(deps: { readonly clock: Clock; readonly random: SeededRandom }, options: Partial<MemoryNetworkOptions>) {
    this.#clock = deps.clock;
    this.#random = deps.random.fork('network');
    this.#options = { latencyMs: { min: 5, max: 25 }, loss: 0, duplicate: 0, reorder: 0, ...options };
  }

  host(): MemoryHost {
    const n = ++this.#hosts;
    return new MemoryHost(this, this.#clock, `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`);
  }

  get datagramMtu(): number | undefined {
    return this.#options.datagramMtu;
  }

  /** Sees every message, or fragment of one, as it leaves. */
  tap: ((from: MemoryHost, to: MemoryHost, message: Uint8Array) => void) | undefined;
  /** Sees every datagram of links that carry datagrams: messages in their frames, each time they are sent, and ACKs. */
  datagramTap: ((datagram: Uint8Array) => void) | undefined;

  count(from: MemoryHost, to: MemoryHost, message: Uint8Array): void {
    this.messages++;
    this.bytes += message.length;
    this.tap?.(from, to, message);
  }

  /** Calls `arrive` one trip later, but not before `earliest` (kept order); returns the time of arrival. */
  carry(earliest: number, arrive: () => void): number {
    const { loss } = this.#options;
    let ms = this.#latency();
    while (loss > 0 && this.#random.unit() < loss) ms += RETRANSMISSION_MS;
    const at = Math.max(this.#clock.now() + ms, earliest);
    this.#clock.after(at - this.#clock.now(), arrive);
    return at;
  }

  /** As `carry`, for a message of a link: now and then others overtake it, or it arrives twice. */
  carryMessage(earliest: number, arrive: () => void): number {
    const { duplicate, reorder } = this.#options;
    if (duplicate > 0 && this.#random.unit() < duplicate) this.carry(0, arrive);
    if (reorder === 0 || this.#random.unit() >= reorder) return this.carry(earliest, arrive);
    const late = Math.floor(this.#random.unit() * OVERTAKEN_MS);
    this.carry(this.#clock.now() + late, arrive);
    return earliest;
  }

  /** One datagram: lost, doubled or overtaken as often as the options say. Nothing is sent again. */
  carryDatagram(arrive: () => void): void {
    const { loss, duplicate, reorder } = this.#options;
    const copies = duplicate > 0 && this.#random.unit() < duplicate ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (loss > 0 && this.#random.unit() < loss) continue;
      const late = reorder > 0 && this.#random.unit() < reorder ? Math.floor(this.#random.unit() * OVERTAKEN_MS) : 0;
      this.#clock.after(this.#latency() + late, arrive);
    }
  }

  /**
   * From now on hosts of different groups do not reach each other; hosts of no group, newcomers among them, are with the first group.
   * Links notice by silence, as when a cable is cut, and what they send is sent again after `heal`.
   */
  partition(groups: readonly (readonly MemoryHost[])[]): void {
    for (const [group, hosts] of groups.entries()) for (const host of hosts) host.group = group;
    this.#parted = groups.flat();
  }

  heal(): void {
    for (const host of this.#parted) host.group = 0;
    this.#parted = [];
    const held = this.#held;
    this.#held = [];
    for (const again of held) again();
  }

  /** Keeps what cannot leave now, to be tried again when the network is one. */
  hold(again: () => void): void {
    this.#held.push(again);
  }

  listen(host: MemoryHost, port: number, listening: Omit<Listening, 'host'>): { at: IpAddressPort; close: () => void } {
    const at: IpAddressPort = {
      type: 'ipv4',
      address: host.address,
      port: port === 0 ? FIRST_PORT + (this.#offers++ % PORTS) : port,
    };
    const key = `${at.address}:${at.port}`;
    this.#listening.set(key, { host, ...listening });
    return { at, close: () => this.#listening.delete(key) };
  }

  find(at: IpAddressPort): Listening | undefined {
    if (at.type === 'unknown') return undefined;
    return this.#listening.get(`${at.address}:${at.port}`);
  }

  #latency(): number {
    const { latencyMs } = this.#options;
    if ('min' in latencyMs) {
      return latencyMs.min + Math.floor(this.#random.unit() * (latencyMs.max - latencyMs.min + 1));
    }
    const { median, sigma, max } = latencyMs;
    // Box and Muller; 1 - unit() is never 0.
    const normal = Math.sqrt(-2 * Math.log(1 - this.#random.unit())) * Math.cos(2 * Math.PI * this.#random.unit());
    return Math.min(max, Math.round(median * Math.exp(sigma * normal)));
  }
}

/** One simulated machine with one process on it. */
export class MemoryHost {
  readonly network: MemoryNetwork;
  readonly clock: ProcessClock;
  readonly address: string;
  /** Hosts of one group reach each other. */
  group = 0;
  readonly #connections = new Set<{ cut(): void }>();
  #state: 'running' | 'stopped' | 'dead' = 'running';
  #held: (() => void)[] = [];

  constructor(network: MemoryNetwork, clock: Clock, address: string) {
    this.network = network;
    this.clock = new ProcessClock(clock);
    this.address = address;
  }

  get alive(): boolean {
    return this.#state !== 'dead';
  }

  get running(): boolean {
    return this.#state === 'running';
  }

  reaches(other: MemoryHost): boolean {
    return this.group === other.group;
  }

  own(connection: { cut(): void }): void {
    this.#connections.add(connection);
  }

  disown(connection: { cut(): void }): void {
    this.#connections.delete(connection);
  }

  receive(arrive: () => void): void {
    if (this.#state === 'running') arrive();
    else if (this.#state === 'stopped') this.#held.push(arrive);
  }

  /** kill -9: the process is gone, the system closes its connections. */
  kill(): void {
    for (const connection of this.#connections) connection.cut();
    this.vanish();
  }

  /** Power loss: gone without a word. */
  vanish(): void {
    this.#state = 'dead';
    this.#connections.clear();
    this.#held = [];
    this.clock.kill();
  }

  /** SIGSTOP: connections stay open, nothing is answered. */
  stop(): void {
    this.#state = 'stopped';
    this.clock.stop();
  }

  /** SIGCONT. */
  continue(): void {
    this.#state = 'running';
    this.clock.continue();
    const held = this.#held;
    this.#held = [];
    for (const arrive of held) arrive();
  }
}
