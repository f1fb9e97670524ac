import { createSocket, type Socket } from 'node:dgram';
import { connect, type Socket as TcpSocket } from 'node:net';
import type { SipMessage, SipRequest, SipResponse } from '#sip/message/message.ts';
import { parseMessage } from '#sip/message/parser.ts';
import { StreamFramer } from '#sip/transport/framer.ts';

/** Someone who sends any octets and looks at every message that comes: what a test needs that no user agent would do. */
export class RawPeer {
  readonly messages: SipMessage[] = [];
  readonly #sendBytes: (octets: Uint8Array) => void;
  readonly #close: () => void;
  readonly port: number;
  raw = '';
  closed = false;
  #wake: (() => void)[] = [];

  constructor(ends: { send: (octets: Uint8Array) => void; close: () => void; port: number }) {
    this.#sendBytes = ends.send;
    this.#close = ends.close;
    this.port = ends.port;
  }

  static udp(to: { host: string; port: number }): Promise<RawPeer> {
    const socket: Socket = createSocket(to.host.includes(':') ? 'udp6' : 'udp4');
    return new Promise((resolve) => {
      socket.bind({ address: to.host, port: 0 }, () => {
        const peer = new RawPeer({
          send: (octets) => socket.send(octets, to.port, to.host),
          close: () => socket.close(),
          port: socket.address().port,
        });
        socket.on('message', (octets) => peer.take(octets));
        resolve(peer);
      });
    });
  }

  static tcp(to: { host: string; port: number }): Promise<RawPeer> {
    const socket: TcpSocket = connect(to);
    const framer = new StreamFramer();
    return new Promise((resolve) => {
      socket.once('connect', () => {
        const peer = new RawPeer({
          send: (octets) => socket.write(octets),
          close: () => socket.destroy(),
          port: socket.localPort ?? 0,
        });
        socket.on('data', (chunk) => {
          peer.raw += chunk.toString('latin1');
          for (const frame of framer.push(chunk)) if (frame.type === 'message') peer.take(frame.bytes);
          peer.woken();
        });
        socket.on('error', () => {});
        socket.on('close', () => {
          peer.closed = true;
          peer.woken();
        });
        resolve(peer);
      });
    });
  }

  send(message: string | Uint8Array): void {
    this.#sendBytes(typeof message === 'string' ? Buffer.from(message, 'latin1') : message);
  }

  take(octets: Uint8Array): void {
    const { message } = parseMessage(octets);
    if (message !== undefined) this.messages.push(message);
    this.woken();
  }

  woken(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  close(): void {
    this.#close();
  }

  /** Waits until `find` gives something. */
  async until<T>(find: () => T | undefined, ms = 5000): Promise<T> {
    const late = Date.now() + ms;
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      if (Date.now() > late)
        throw new Error(`nothing within ${ms} ms; came: ${this.messages.map(describe).join(', ')}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 500);
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  response(status: number, after = 0): Promise<SipResponse> {
    return this.until(() =>
      this.messages.slice(after).find((m): m is SipResponse => m.kind === 'response' && m.status === status),
    );
  }

  request(method: string, after = 0): Promise<SipRequest> {
    return this.until(() =>
      this.messages.slice(after).find((m): m is SipRequest => m.kind === 'request' && m.method === method),
    );
  }
}

function describe(message: SipMessage): string {
  return message.kind === 'request' ? message.method : String(message.status);
}
