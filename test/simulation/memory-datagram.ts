import { Failure } from '#platform/failure.ts';
import { silentLogger } from '#platform/log.ts';
import type { DatagramChannel, DatagramObserver } from '#reload/link/datagram-channel.ts';
import { DatagramLink, type DatagramLinkOptions } from '#reload/link/datagram-link.ts';
import type { LinkFault } from '#reload/link/link.ts';
import type { MemoryHost } from './memory-network.ts';

/** One end of a simulated DTLS association: what leaves it is lost, doubled and overtaken as often as the network's options say. */
export class MemoryDatagramChannel implements DatagramChannel {
  readonly mtu: number;
  readonly #host: MemoryHost;
  #other: MemoryDatagramChannel | undefined;
  #observer: DatagramObserver | undefined;
  #open = true;
  /** Sees every datagram that leaves; the network does not carry those for which it gives false. */
  tap: ((bytes: Uint8Array) => boolean) | undefined;

  constructor(host: MemoryHost, mtu: number) {
    this.#host = host;
    this.mtu = mtu;
  }

  static pair(a: MemoryDatagramChannel, b: MemoryDatagramChannel): void {
    a.#other = b;
    b.#other = a;
    a.#host.own(a);
    b.#host.own(b);
  }

  observe(observer: DatagramObserver): void {
    this.#observer = observer;
  }

  send(bytes: Uint8Array): void {
    const other = this.#other;
    if (!this.#open || other === undefined || !this.#host.alive) return;
    this.#host.network.datagramTap?.(bytes);
    if (this.tap?.(bytes) === false) return;
    const copy = bytes.slice();
    this.#carry(other, () => {
      if (other.#open) other.#observer?.datagram(copy);
    });
  }

  close(): void {
    if (!this.#open) return;
    this.cut();
    this.#host.disown(this);
  }

  /** The close alert, or what the system says when nobody listens here any more. */
  cut(): void {
    const other = this.#other;
    this.#open = false;
    if (other === undefined || !this.#host.alive) return;
    this.#carry(other, () => other.#end());
  }

  #end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#host.disown(this);
    this.#observer?.closed(new Failure<LinkFault>({ code: 'closed' }, 'the other side closed the link'));
  }

  /** A parted network loses everything; the system of a stopped process keeps what arrives. */
  #carry(other: MemoryDatagramChannel, arrive: () => void): void {
    if (this.#host.reaches(other.#host)) this.#host.network.carryDatagram(() => other.#host.receive(arrive));
  }
}

/** One end of a simulated DTLS link: the program's own datagram link over such a channel. */
export class MemoryDatagramLink extends DatagramLink {
  readonly #host: MemoryHost;
  readonly #channel: MemoryDatagramChannel;
  #other: MemoryHost | undefined;

  constructor(host: MemoryHost, mtu: number, options: DatagramLinkOptions) {
    const channel = new MemoryDatagramChannel(host, mtu);
    super(channel, { clock: host.clock, log: silentLogger }, options);
    this.#host = host;
    this.#channel = channel;
  }

  static join(a: MemoryDatagramLink, b: MemoryDatagramLink): void {
    a.#other = b.#host;
    b.#other = a.#host;
    MemoryDatagramChannel.pair(a.#channel, b.#channel);
  }

  override send(message: Uint8Array): void {
    if (this.#other !== undefined && this.#host.alive) this.#host.network.count(this.#host, this.#other, message);
    super.send(message);
  }
}
