import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { Flow, FlowPeer } from '#sip/transport/flow.ts';
import { StreamFramer } from '#sip/transport/framer.ts';

/** What identifies a connection towards the rest of SIP. */
export interface ConnectionOptions {
  readonly key: string;
  readonly transport: 'TCP' | 'TLS';
  readonly localHost: string;
  readonly localPort: number | undefined;
  readonly remoteHost: string;
  readonly remotePort: number;
  readonly peer: FlowPeer | undefined;
  /** Milliseconds between pings of RFC 5626 §3.5.1, and how long one that used to answer may take; none when left out. */
  readonly keepAlive?: { readonly everyMs: number; readonly answerMs: number };
}

export interface ConnectionObserver {
  message(bytes: Uint8Array, flow: Flow): void;
  closed(connection: Connection): void;
}

/** Bytes waiting to be sent above which a peer counts as dead: it does not read. */
const MAX_UNSENT = 1024 * 1024;
const PING = Buffer.from('\r\n\r\n');
const PONG = Buffer.from('\r\n');

/** A flow over a byte stream: a TCP connection, or one that AppAttach made. */
export class Connection implements Flow {
  readonly reliable = true;
  readonly key: string;
  readonly transport: 'TCP' | 'TLS';
  readonly localHost: string;
  readonly localPort: number | undefined;
  readonly remoteHost: string;
  readonly remotePort: number;
  readonly peer: FlowPeer | undefined;
  readonly #duplex: Duplex;
  readonly #framer = new StreamFramer();
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #keepAlive: ConnectionOptions['keepAlive'];
  #timer: Timer | undefined;
  /** Whether anything came since the last ping, and whether the far end is one that answers pings. */
  #heard = false;
  #answersPings = false;
  #observer: ConnectionObserver | undefined;
  #closed = false;

  constructor(
    deps: { readonly duplex: Duplex; readonly log: Logger; readonly clock: Clock },
    options: ConnectionOptions,
  ) {
    this.#duplex = deps.duplex;
    this.#log = deps.log;
    this.#clock = deps.clock;
    this.#keepAlive = options.keepAlive;
    this.key = options.key;
    this.transport = options.transport;
    this.localHost = options.localHost;
    this.localPort = options.localPort;
    this.remoteHost = options.remoteHost;
    this.remotePort = options.remotePort;
    this.peer = options.peer;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Starts to read. */
  start(observer: ConnectionObserver): void {
    this.#observer = observer;
    this.#duplex.on('data', (chunk: Buffer) => this.#read(chunk));
    this.#duplex.on('error', (error) => this.close(error.message));
    this.#duplex.on('end', () => this.close('the peer closed it'));
    this.#duplex.on('close', () => this.close('it was closed'));
    if (this.#duplex.destroyed) this.close('it was closed before');
    else this.#schedulePing();
  }

  send(bytes: Uint8Array, failed?: (reason: Error) => void): void {
    if (this.#closed) {
      queueMicrotask(() => failed?.(new Error('The connection is closed')));
      return;
    }
    this.#duplex.write(bytes, (error) => {
      if (error !== null && error !== undefined) failed?.(error);
    });
    if (this.#duplex.writableLength > MAX_UNSENT) this.close('the peer does not read');
  }

  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    this.#log.debug('connection closed', { remote: this.remoteHost, peer: this.peer?.name, reason });
    this.#duplex.destroy();
    this.#observer?.closed(this);
  }

  /** Keeps NATs and firewalls on the way open (RFC 7904 §5.2) and finds out when the far end is gone without a word. */
  #schedulePing(alreadyWaited = 0): void {
    const { everyMs, answerMs } = this.#keepAlive ?? {};
    if (everyMs === undefined || answerMs === undefined) return;
    this.#timer = this.#clock.after(everyMs - alreadyWaited, () => {
      this.#heard = false;
      this.send(PING);
      this.#timer = this.#clock.after(answerMs, () => {
        // Pongs are optional: only silence after earlier answers means something.
        if (!this.#heard && this.#answersPings) {
          this.close('it does not answer keep-alives any more');
          return;
        }
        this.#answersPings = this.#heard;
        this.#schedulePing(answerMs);
      });
    });
  }

  #read(chunk: Uint8Array): void {
    if (this.#closed) return;
    this.#heard = true;
    try {
      for (const frame of this.#framer.push(chunk)) {
        if (frame.type === 'ping') this.send(PONG);
        else this.#observer?.message(frame.bytes, this);
      }
    } catch (thrown) {
      this.close(messageOf(thrown));
    }
  }
}
