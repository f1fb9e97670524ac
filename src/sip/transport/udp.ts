import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Flow } from '#sip/transport/flow.ts';

/** Bursts of registrations after a power cut must not be lost in the kernel. */
const RECEIVE_BUFFER = 4 * 1024 * 1024;

export interface UdpSocketOptions {
  /** Number of the socket within its transport; part of the keys of its flows. */
  readonly index: number;
  readonly host: string;
  readonly port: number;
  /** What Via and Contact say instead of a wildcard address. */
  readonly advertisedHost: string;
}

/** One bound UDP socket. */
export class UdpSocket {
  readonly #options: UdpSocketOptions;
  readonly #socket: Socket;
  #port = 0;
  #closed = false;

  constructor(options: UdpSocketOptions) {
    this.#options = options;
    const type = isIPv6(options.host) ? 'udp6' : 'udp4';
    this.#socket = createSocket({ type, recvBufferSize: RECEIVE_BUFFER, ipv6Only: type === 'udp6' });
  }

  get port(): number {
    return this.#port;
  }

  get host(): string {
    return this.#options.advertisedHost;
  }

  get isIPv6(): boolean {
    return isIPv6(this.#options.host);
  }

  /** Binds; then `receive` gets every datagram with the flow to answer over. */
  open(receive: (bytes: Uint8Array, flow: Flow) => void, failed: (reason: Error) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.once('error', reject);
      this.#socket.bind({ address: this.#options.host, port: this.#options.port }, () => {
        this.#port = this.#socket.address().port;
        this.#socket.off('error', reject);
        this.#socket.on('error', failed);
        this.#socket.on('message', (bytes: Buffer, from: RemoteInfo) =>
          receive(bytes, this.flow(from.address, from.port)),
        );
        resolve();
      });
    });
  }

  flow(host: string, port: number): Flow {
    return new UdpFlow(this, host, port);
  }

  get index(): number {
    return this.#options.index;
  }

  get closed(): boolean {
    return this.#closed;
  }

  send(
    bytes: Uint8Array,
    to: { readonly host: string; readonly port: number },
    failed?: (reason: Error) => void,
  ): void {
    if (this.#closed) {
      queueMicrotask(() => failed?.(new Error('The UDP socket is closed')));
      return;
    }
    try {
      this.#socket.send(bytes, to.port, to.host, (error) => {
        if (error !== null) failed?.(error);
      });
    } catch (thrown) {
      // Port 0 and the like throw at once; the caller is told as of any other failure, later.
      const reason = thrown instanceof Error ? thrown : new Error(String(thrown));
      queueMicrotask(() => failed?.(reason));
    }
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }
}

class UdpFlow implements Flow {
  readonly transport = 'UDP';
  readonly reliable = false;
  readonly peer = undefined;
  readonly remoteHost: string;
  readonly remotePort: number;
  readonly #socket: UdpSocket;

  constructor(socket: UdpSocket, remoteHost: string, remotePort: number) {
    this.#socket = socket;
    this.remoteHost = remoteHost;
    this.remotePort = remotePort;
  }

  get key(): string {
    return `udp|${this.#socket.index}|${this.remoteHost}|${this.remotePort}`;
  }

  get localHost(): string {
    return this.#socket.host;
  }

  get localPort(): number {
    return this.#socket.port;
  }

  get closed(): boolean {
    return this.#socket.closed;
  }

  send(bytes: Uint8Array, failed?: (reason: Error) => void): void {
    this.#socket.send(bytes, { host: this.remoteHost, port: this.remotePort }, failed);
  }
}
