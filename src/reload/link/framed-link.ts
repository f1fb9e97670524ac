import type { Duplex } from 'node:stream';
import { concat } from '#platform/bytes.ts';
import type { Clock, Timer } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import { AckHistory } from '#reload/link/ack-history.ts';
import {
  encodeAckFrame,
  encodeDataFrame,
  FrameReader,
  type LinkFrame,
  MAX_FRAMED_MESSAGE,
} from '#reload/link/frame-reader.ts';
import type { Link, LinkFault, LinkObserver } from '#reload/link/link.ts';
import { SendWindow } from '#reload/link/send-window.ts';
import type { Certificate } from '#reload/security/identity.ts';
import type { NodeId } from '#reload/wire/ids.ts';

/** Messages handed up in one turn of the event loop: verifying signatures must not stall sound. */
const MESSAGES_PER_TURN = 20;
/** Bytes waiting to be written before a peer counts as one that does not read; more where single messages are that large. */
const MAX_SEND_QUEUE = 1 << 20;
/**
 * An ACK waits this long, in milliseconds, for a message that goes the same way: both then leave in one TLS record. RFC 6940 §6.6.2
 * wants it at once, for retransmissions that TLS links do not have.
 */
const ACK_PATIENCE = 5;
/** How long a closed link may take to write what was queued, in milliseconds. */
const LINGER = 2000;

export interface FramedLinkDeps {
  readonly clock: Clock;
  readonly log: Logger;
}

export interface FramedLinkOptions {
  readonly peer: Certificate;
  readonly nodeId: NodeId | undefined;
  readonly remoteAddress: string;
  /** Bytes; asked for each message, because the configuration may change. */
  readonly maxMessageSize: () => number;
}

/** A link over a connected and authenticated byte stream (RFC 6940 §6.6.5): framing, ACKs, suspicion, a bounded send queue. */
export class FramedLink implements Link {
  readonly peer: Certificate;
  readonly remoteAddress: string;
  readonly #stream: Duplex;
  readonly #deps: FramedLinkDeps;
  readonly #maxMessageSize: () => number;
  readonly #reader = new FrameReader();
  readonly #history = new AckHistory();
  readonly #window = new SendWindow();
  #nodeId: NodeId | undefined;
  #observer: LinkObserver | undefined;
  #timer: Timer | undefined;
  #closed: Failure<LinkFault> | undefined;
  #written = 0;
  #acks: Uint8Array[] = [];
  #acksDue = false;

  constructor(stream: Duplex, deps: FramedLinkDeps, options: FramedLinkOptions) {
    this.#stream = stream;
    this.#deps = deps;
    this.peer = options.peer;
    this.remoteAddress = options.remoteAddress;
    this.#nodeId = options.nodeId;
    this.#maxMessageSize = options.maxMessageSize;
    stream.on('error', (error) => this.close(closedFailure(messageOf(error))));
    stream.on('close', () => this.close());
    stream.on('end', () => this.close());
  }

  get nodeId(): NodeId | undefined {
    return this.#nodeId;
  }

  /** Round-trip threshold in milliseconds after which a silent link becomes suspect (RFC 6298). */
  get rto(): number {
    return this.#window.rto;
  }

  bind(nodeId: NodeId): void {
    this.#nodeId = nodeId;
  }

  observe(observer: LinkObserver): void {
    const first = this.#observer === undefined;
    this.#observer = observer;
    if (this.#closed !== undefined) observer.closed(this.#closed);
    // Until now the stream was paused, so nothing that arrived is lost.
    else if (first) this.#stream.on('data', (chunk: Uint8Array) => this.#receive(chunk));
  }

  send(message: Uint8Array): void {
    if (this.#closed !== undefined) return;
    if (message.length > MAX_FRAMED_MESSAGE) {
      this.#deps.log.warn('message does not fit a frame and is dropped', { bytes: message.length });
      return;
    }
    const frame = encodeDataFrame(this.#window.sent(this.#deps.clock.now()), message);
    this.#write(this.#acks.length === 0 ? frame : concat(...this.#acks.splice(0), frame));
    const queueLimit = Math.max(MAX_SEND_QUEUE, 4 * this.#maxMessageSize());
    if (this.#stream.writableLength > queueLimit || this.#window.overfull) {
      this.close(new Failure({ code: 'timeout' }, `${this.remoteAddress} does not read what is sent to it`));
      this.#stream.destroy();
    } else if (this.#timer === undefined) {
      this.#lookAgain(this.#window.rto);
    }
  }

  close(reason?: Failure<LinkFault>): void {
    if (this.#closed !== undefined) return;
    this.#sendAcks();
    this.#closed = reason ?? closedFailure('the connection was closed');
    this.#timer?.cancel();
    const stream = this.#stream;
    if (!stream.destroyed) {
      stream.end();
      const linger = this.#deps.clock.after(LINGER, () => stream.destroy());
      stream.once('close', () => linger.cancel());
      // What still arrives is thrown away, so that the end of the stream is seen.
      stream.resume();
    }
    this.#observer?.closed(this.#closed);
  }

  #write(bytes: Uint8Array): void {
    if (!this.#stream.writable) return;
    this.#written += bytes.length;
    this.#stream.write(bytes);
  }

  #receive(chunk: Uint8Array): void {
    if (this.#closed !== undefined) return;
    this.#reader.push(chunk);
    this.#drain();
  }

  #drain(): void {
    for (let messages = 0; this.#closed === undefined; ) {
      const frame = this.#reader.next(Math.min(this.#maxMessageSize(), MAX_FRAMED_MESSAGE));
      if (frame === undefined) return;
      this.#take(frame);
      if (frame.type !== 'ack' && ++messages === MESSAGES_PER_TURN) {
        this.#stream.pause();
        setImmediate(() => this.#resume());
        return;
      }
    }
  }

  #acknowledge(sequence: number): void {
    this.#acks.push(encodeAckFrame(sequence, this.#history.receive(sequence)));
    if (this.#acksDue) return;
    this.#acksDue = true;
    this.#deps.clock.after(ACK_PATIENCE, () => {
      this.#acksDue = false;
      if (this.#closed === undefined) this.#sendAcks();
    });
  }

  #sendAcks(): void {
    if (this.#acks.length > 0) this.#write(concat(...this.#acks.splice(0)));
  }

  #resume(): void {
    if (this.#closed !== undefined) return;
    this.#stream.resume();
    this.#drain();
  }

  #take(frame: LinkFrame): void {
    if (frame.type === 'ack') {
      if (this.#window.acknowledged(frame.sequence, this.#deps.clock.now())) {
        this.#timer?.cancel();
        this.#lookAgain(this.#window.rto);
        this.#observer?.suspect(false);
      }
      return;
    }
    if (frame.type === 'broken') {
      this.close(
        new Failure({ code: 'framing', detail: frame.detail }, `${this.remoteAddress} sent an ${frame.detail}`),
      );
      return;
    }
    this.#acknowledge(frame.sequence);
    // Of an oversize message the beginning goes up, so that its sender can be told (RFC 6940 §6.6).
    this.#deliver(frame.message);
    if (frame.type === 'oversize') {
      const { length } = frame;
      this.close(new Failure({ code: 'too-large', length }, `${this.remoteAddress} sent a message of ${length} bytes`));
    }
  }

  #deliver(message: Uint8Array): void {
    try {
      this.#observer?.message(message);
    } catch (error) {
      this.#deps.log.error('a message could not be processed', { error: messageOf(error) });
    }
  }

  #lookAgain(ms: number): void {
    const drained = this.#written - this.#stream.writableLength;
    this.#timer = this.#deps.clock.after(ms, () => {
      this.#timer = undefined;
      this.#look(drained);
    });
  }

  #look(drainedBefore: number): void {
    if (this.#closed !== undefined) return;
    const now = this.#deps.clock.now();
    const waiting = this.#stream.writableLength;
    const verdict = this.#window.look(now, waiting > 0 && this.#written - waiting > drainedBefore);
    if (verdict.type === 'look-again') this.#lookAgain(Math.max(1, verdict.at - now));
    if (verdict.type === 'suspect') {
      this.#lookAgain(verdict.lookAgain - now);
      this.#observer?.suspect(true);
    }
    if (verdict.type === 'give-up') {
      this.close(new Failure({ code: 'timeout' }, `${this.remoteAddress} acknowledged nothing for 30 s`));
      this.#stream.destroy();
    }
  }
}

function closedFailure(detail: string): Failure<LinkFault> {
  return new Failure({ code: 'closed' }, detail);
}
