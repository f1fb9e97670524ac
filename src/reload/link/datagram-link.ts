import type { Clock, Timer } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import { AckHistory } from '#reload/link/ack-history.ts';
import type { DatagramChannel } from '#reload/link/datagram-channel.ts';
import { DATA_HEADER, decodeFrame, encodeAckFrame, encodeDataFrame } from '#reload/link/frame-reader.ts';
import type { Link, LinkFault, LinkObserver } from '#reload/link/link.ts';
import { StopAndWait } from '#reload/link/stop-and-wait.ts';
import type { Certificate } from '#reload/security/identity.ts';
import type { NodeId } from '#reload/wire/ids.ts';

/** The most that one DTLS record holds, and so one frame (RFC 6347 §4.1). */
const MAX_DATAGRAM = 16_384;
/** How long a closed link may take to send what was queued, in milliseconds. */
const LINGER = 2000;

export interface DatagramLinkDeps {
  readonly clock: Clock;
  readonly log: Logger;
}

export interface DatagramLinkOptions {
  readonly peer: Certificate;
  readonly nodeId: NodeId | undefined;
  readonly remoteAddress: string;
}

/**
 * A link over datagrams that may be lost (RFC 6940 §6.6.3): every message is repeated until it is acknowledged. A message whose ACK was
 * lost is handed up twice, since its second copy can't be told from a new message; those above expect that. Doubles that the
 * network made have the same sequence number and are left out.
 */
export class DatagramLink implements Link {
  readonly peer: Certificate;
  readonly remoteAddress: string;
  readonly #channel: DatagramChannel;
  readonly #deps: DatagramLinkDeps;
  readonly #history = new AckHistory();
  readonly #sender = new StopAndWait();
  #nodeId: NodeId | undefined;
  #observer: LinkObserver | undefined;
  #timer: Timer | undefined;
  #linger: Timer | undefined;
  #closed: Failure<LinkFault> | undefined;
  #listening = false;
  #ended = false;
  #toldSuspect = false;

  constructor(channel: DatagramChannel, deps: DatagramLinkDeps, options: DatagramLinkOptions) {
    this.#channel = channel;
    this.#deps = deps;
    this.peer = options.peer;
    this.remoteAddress = options.remoteAddress;
    this.#nodeId = options.nodeId;
  }

  get nodeId(): NodeId | undefined {
    return this.#nodeId;
  }

  /** The path's, which may change. */
  get mtu(): number {
    return this.#channel.mtu - DATA_HEADER;
  }

  bind(nodeId: NodeId): void {
    this.#nodeId = nodeId;
  }

  /** What came before was not acknowledged, and is sent again. */
  observe(observer: LinkObserver): void {
    this.#observer = observer;
    if (this.#closed !== undefined) observer.closed(this.#closed);
    else this.#listen();
  }

  send(message: Uint8Array): void {
    if (this.#closed !== undefined) return;
    this.#listen();
    if (message.length + DATA_HEADER > MAX_DATAGRAM) {
      this.#deps.log.warn('message does not fit a datagram and is dropped', { bytes: message.length });
      return;
    }
    if (this.#sender.queue(message)) this.#run();
    else this.#deps.log.debug('message dropped: too much waits for this link', { to: this.remoteAddress });
  }

  /** Without a reason, what was queued is still sent for a moment. */
  close(reason?: Failure<LinkFault>): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason ?? new Failure<LinkFault>({ code: 'closed' }, 'the link was closed');
    if (reason?.fault.code === 'timeout' || this.#sender.empty) this.#end();
    else this.#linger = this.#deps.clock.after(LINGER, () => this.#end());
    this.#observer?.closed(this.#closed);
  }

  /** Not before something is sent or awaited: a constructor does nothing. */
  #listen(): void {
    if (this.#listening) return;
    this.#listening = true;
    this.#channel.observe({
      datagram: (bytes) => this.#receive(bytes),
      closed: (reason) => {
        this.#end();
        this.close(reason);
      },
    });
  }

  #receive(datagram: Uint8Array): void {
    const frame = this.#ended ? undefined : decodeFrame(datagram);
    // Anything else is no frame: one broken datagram says nothing about the next.
    if (frame === undefined) return;
    if (frame.type === 'ack') {
      this.#sender.acknowledged(frame.sequence, this.#deps.clock.now());
      this.#run();
      return;
    }
    if (this.#closed !== undefined || this.#observer === undefined) return;
    const isDouble = this.#history.has(frame.sequence);
    this.#channel.send(encodeAckFrame(frame.sequence, this.#history.receive(frame.sequence)));
    if (!isDouble) this.#deliver(frame.message);
  }

  #deliver(message: Uint8Array): void {
    try {
      this.#observer?.message(message);
    } catch (error) {
      this.#deps.log.error('a message could not be processed', { error: messageOf(error) });
    }
  }

  #run(): void {
    if (this.#ended) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    const { clock } = this.#deps;
    let step = this.#sender.next(clock.now());
    while (step.type === 'transmit') {
      this.#channel.send(encodeDataFrame(step.sequence, step.message));
      step = this.#sender.next(clock.now());
    }
    if (step.type === 'wait') {
      this.#timer = clock.after(Math.max(1, step.until - clock.now()), () => this.#run());
    } else if (step.type === 'give-up') {
      const reason = `${this.remoteAddress} acknowledged none of the copies of a message`;
      this.#end();
      this.close(new Failure<LinkFault>({ code: 'timeout' }, reason));
    } else if (this.#closed !== undefined) {
      this.#end();
    }
    this.#tellSuspicion();
  }

  #tellSuspicion(): void {
    const { suspected } = this.#sender;
    if (suspected === this.#toldSuspect || this.#closed !== undefined) return;
    this.#toldSuspect = suspected;
    this.#observer?.suspect(suspected);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#timer?.cancel();
    this.#linger?.cancel();
    this.#channel.close();
  }
}
