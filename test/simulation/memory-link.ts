import { Duplex } from 'node:stream';
import type { Timer } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { Link, LinkFault, LinkObserver } from '#reload/link/link.ts';
import type { Certificate } from '#reload/security/identity.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import type { MemoryHost } from './memory-network.ts';

/** How long a message may stay without ACK before the link is suspect, and how long it is kept after that (RFC 6940 §6.6.5). */
const RTO_MS = 1000;
const GIVE_UP_MS = 30_000;

/** One end of a simulated TLS link: in order, without loss, silent while the other host is stopped. */
export class MemoryLink implements Link {
  readonly peer: Certificate;
  readonly remoteAddress: string;
  readonly #host: MemoryHost;
  #nodeId: NodeId | undefined;
  #other: MemoryLink | undefined;
  #observer: LinkObserver | undefined;
  #waiting: Uint8Array[] = [];
  #unacked = 0;
  #timer: Timer | undefined;
  #suspect = false;
  #closed: Failure<LinkFault> | undefined;
  #arrival = 0;

  constructor(host: MemoryHost, peer: Certificate, nodeId: NodeId | undefined, remoteAddress: string) {
    this.#host = host;
    this.peer = peer;
    this.#nodeId = nodeId;
    this.remoteAddress = remoteAddress;
  }

  get nodeId(): NodeId | undefined {
    return this.#nodeId;
  }

  bind(nodeId: NodeId): void {
    this.#nodeId = nodeId;
  }

  observe(observer: LinkObserver): void {
    this.#observer = observer;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const message of waiting) observer.message(message);
    if (this.#closed !== undefined) observer.closed(this.#closed);
  }

  send(message: Uint8Array): void {
    const other = this.#other;
    if (this.#closed !== undefined || other === undefined || !this.#host.alive) return;
    this.#host.network.count(this.#host, other.#host, message);
    this.#unacked++;
    this.#transmit(other, message);
  }

  close(reason?: Failure<LinkFault>): void {
    if (this.#closed !== undefined) return;
    const other = this.#other;
    this.#end(reason ?? closedHere());
    if (other !== undefined && this.#host.alive) this.#toOther(other, () => other.#end(closedThere()));
  }

  /** The system closes a dead process's connections. */
  cut(): void {
    const other = this.#other;
    this.#closed = closedHere();
    this.#timer?.cancel();
    if (other !== undefined) this.#toOther(other, () => other.#end(closedThere()));
  }

  static pair(a: MemoryLink, b: MemoryLink): void {
    a.#other = b;
    b.#other = a;
    a.#host.own(a);
    b.#host.own(b);
  }

  #transmit(other: MemoryLink, message: Uint8Array): void {
    const { network } = this.#host;
    if (this.#host.reaches(other.#host)) {
      this.#arrival = network.carryMessage(this.#arrival, () => this.#arrive(other, message));
    } else {
      this.#watch();
      network.hold(() => this.#transmit(other, message));
    }
  }

  /** The ACK's trip back is left out: what matters here is whether one will come. */
  #arrive(other: MemoryLink, message: Uint8Array): void {
    if (other.#host.running) {
      other.#receive(message);
      this.#acknowledged();
      return;
    }
    this.#watch();
    if (other.#host.alive) other.#host.receive(() => this.#arrive(other, message));
  }

  #toOther(other: MemoryLink, arrive: () => void): void {
    const { network } = this.#host;
    if (this.#host.reaches(other.#host)) {
      this.#arrival = network.carry(this.#arrival, () => other.#host.receive(arrive));
    } else {
      network.hold(() => this.#toOther(other, arrive));
    }
  }

  #receive(message: Uint8Array): void {
    if (this.#closed !== undefined) return;
    if (this.#observer === undefined) this.#waiting.push(message);
    else this.#observer.message(message);
  }

  #acknowledged(): void {
    // A second arrival of the same message acknowledges nothing.
    if (this.#closed !== undefined || this.#unacked === 0) return;
    this.#unacked--;
    if (this.#timer === undefined) return;
    this.#timer.cancel();
    this.#timer = undefined;
    if (this.#suspect) {
      this.#suspect = false;
      this.#observer?.suspect(false);
    }
    if (this.#unacked > 0) this.#watch();
  }

  #watch(): void {
    if (this.#closed !== undefined) return;
    this.#timer ??= this.#host.clock.after(RTO_MS, () => {
      this.#suspect = true;
      this.#timer = this.#host.clock.after(GIVE_UP_MS, () =>
        this.close(new Failure<LinkFault>({ code: 'timeout' }, 'no ACK for 30 s')),
      );
      this.#observer?.suspect(true);
    });
  }

  #end(reason: Failure<LinkFault>): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.#timer?.cancel();
    this.#host.disown(this);
    this.#observer?.closed(reason);
  }
}

/** One end of a simulated application connection. */
export class MemoryStream extends Duplex {
  readonly #host: MemoryHost;
  #other: MemoryStream | undefined;
  #arrival = 0;

  constructor(host: MemoryHost) {
    super();
    this.#host = host;
  }

  static pair(a: MemoryStream, b: MemoryStream): void {
    a.#other = b;
    b.#other = a;
    a.#host.own(a);
    b.#host.own(b);
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const bytes = Buffer.from(chunk);
    this.#toOther((other) => other.push(bytes));
    done();
  }

  override _final(done: () => void): void {
    this.#toOther((other) => other.push(null));
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#host.disown(this);
    if (this.#host.alive) this.#toOther((other) => other.destroy());
    done(error);
  }

  cut(): void {
    this.#toOther((other) => other.destroy());
  }

  #toOther(arrive: (other: MemoryStream) => void): void {
    const other = this.#other;
    if (other === undefined) return;
    if (!this.#host.reaches(other.#host)) {
      this.#host.network.hold(() => this.#toOther(arrive));
      return;
    }
    this.#arrival = this.#host.network.carry(this.#arrival, () =>
      other.#host.receive(() => {
        if (!other.destroyed) arrive(other);
      }),
    );
  }
}

function closedHere(): Failure<LinkFault> {
  return new Failure<LinkFault>({ code: 'closed' }, 'the link was closed');
}

function closedThere(): Failure<LinkFault> {
  return new Failure<LinkFault>({ code: 'closed' }, 'the other side closed the link');
}
