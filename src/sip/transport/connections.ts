import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import { Connection, type ConnectionObserver, type ConnectionOptions } from '#sip/transport/connection.ts';
import type { Flow, TransportFault } from '#sip/transport/flow.ts';
import type { SipStream } from '#sip/ua/call-engine.ts';

export interface ConnectionTableOptions {
  /** Sent-by of messages on overlay connections (RFC 7904 §5.1). */
  readonly overlayDomain: string;
  readonly maxConnections: number;
  readonly maxConnectionsPerHost: number;
  readonly connectTimeoutMs: number;
  /** Between pings on overlay connections. */
  readonly keepAliveMs: number;
}

/** The TCP port others are told: a listener's. */
export interface TcpListener {
  readonly host: string;
  readonly port: number;
  readonly isIPv6: boolean;
}

/** All connections of one transport, each open once per far end. */
export class ConnectionTable {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #observer: ConnectionObserver;
  readonly #options: ConnectionTableOptions;
  readonly #byKey = new Map<string, Connection>();
  readonly #streams = new Map<Duplex, Connection>();
  readonly #servers: Server[] = [];
  readonly #listeners: TcpListener[] = [];
  readonly #connecting = new Map<string, Promise<Connection>>();
  #count = 0;

  constructor(
    deps: { readonly clock: Clock; readonly log: Logger; readonly observer: ConnectionObserver },
    options: ConnectionTableOptions,
  ) {
    this.#clock = deps.clock;
    this.#log = deps.log;
    this.#observer = deps.observer;
    this.#options = options;
  }

  get listeners(): readonly TcpListener[] {
    return this.#listeners;
  }

  listen(host: string, port: number, advertisedHost: string): Promise<TcpListener> {
    const server = createServer((socket) => this.#accept(socket));
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, ipv6Only: host.includes(':') }, () => {
        server.off('error', reject);
        server.on('error', (error) => this.#log.warn('TCP listener failed', { reason: error.message }));
        const address = server.address();
        const bound = address !== null && typeof address === 'object' ? address.port : port;
        const listener = { host: advertisedHost, port: bound, isIPv6: host.includes(':') };
        this.#listeners.push(listener);
        resolve(listener);
      });
    });
  }

  /**
   * The flow of an overlay connection; the same one each time for the same stream. Beyond the limit the stream is closed;
   * throws `Failure<TransportFault>` then.
   */
  attach(stream: SipStream): Connection {
    const known = this.#streams.get(stream.duplex);
    if (known !== undefined) return known;
    if (this.#byKey.size >= this.#options.maxConnections) {
      stream.duplex.destroy();
      throw tooMany();
    }
    return this.#add(stream.duplex, {
      key: `stream|${stream.peerNode}|${++this.#count}`,
      transport: 'TLS',
      localHost: this.#options.overlayDomain,
      localPort: undefined,
      remoteHost: stream.peerName,
      remotePort: 0,
      peer: { name: stream.peerName, node: stream.peerNode },
      keepAlive: { everyMs: this.#options.keepAliveMs, answerMs: 10_000 },
    });
  }

  /** An open TCP connection to that address, or a new one. */
  async dial(host: string, port: number): Promise<Connection> {
    const key = tcpKey(host, port);
    const open = this.#byKey.get(key);
    if (open !== undefined) return open;
    const pending = this.#connecting.get(key) ?? this.#connect(host, port).finally(() => this.#connecting.delete(key));
    this.#connecting.set(key, pending);
    return pending;
  }

  /** By key; an overlay connection also when it was replaced by another one to the same node. */
  find(key: string): Flow | undefined {
    const exact = this.#byKey.get(key);
    if (exact !== undefined || !key.startsWith('stream|')) return exact;
    const sameNode = key.slice(0, key.lastIndexOf('|') + 1);
    for (const [candidate, connection] of this.#byKey) if (candidate.startsWith(sameNode)) return connection;
    return undefined;
  }

  close(): void {
    for (const server of this.#servers) server.close();
    for (const connection of [...this.#byKey.values()]) connection.close('SIP stops');
  }

  #accept(socket: Socket): void {
    const host = socket.remoteAddress;
    if (host === undefined || this.#isFull(host)) {
      socket.destroy();
      return;
    }
    this.#addTcp(socket, host, socket.remotePort ?? 0);
  }

  #isFull(host: string): boolean {
    let same = 0;
    for (const connection of this.#byKey.values()) if (connection.remoteHost === host) same++;
    return this.#byKey.size >= this.#options.maxConnections || same >= this.#options.maxConnectionsPerHost;
  }

  #connect(host: string, port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      if (this.#byKey.size >= this.#options.maxConnections) throw tooMany();
      const unreachable = (reason: string) => {
        timer.cancel();
        socket.destroy();
        reject(
          new Failure<TransportFault>(
            { code: 'unreachable', host },
            `No TCP connection to ${host} port ${port}: ${reason}`,
          ),
        );
      };
      const socket = connect({ host, port });
      const timer = this.#clock.after(this.#options.connectTimeoutMs, () => unreachable('no answer in time'));
      const onError = (error: Error) => unreachable(error.message);
      socket.once('error', onError);
      socket.once('connect', () => {
        timer.cancel();
        socket.off('error', onError);
        resolve(this.#addTcp(socket, host, port));
      });
    });
  }

  #addTcp(socket: Socket, host: string, port: number): Connection {
    socket.setNoDelay(true);
    const isIPv6 = host.includes(':');
    const listener = this.#listeners.find((candidate) => candidate.isIPv6 === isIPv6);
    return this.#add(socket, {
      key: tcpKey(host, port),
      transport: 'TCP',
      localHost: listener?.host ?? socket.localAddress ?? 'localhost',
      localPort: listener?.port ?? socket.localPort,
      remoteHost: host,
      remotePort: port,
      peer: undefined,
    });
  }

  #add(duplex: Duplex, options: ConnectionOptions): Connection {
    const connection = new Connection({ duplex, log: this.#log, clock: this.#clock }, options);
    this.#byKey.set(options.key, connection);
    this.#streams.set(duplex, connection);
    connection.start({
      message: (bytes, flow) => this.#observer.message(bytes, flow),
      closed: () => {
        if (this.#byKey.get(options.key) === connection) this.#byKey.delete(options.key);
        this.#streams.delete(duplex);
        this.#observer.closed(connection);
      },
    });
    return connection;
  }
}

function tooMany(): Failure<TransportFault> {
  return new Failure<TransportFault>({ code: 'too-many-connections' }, 'Too many SIP connections are open; try later');
}

function tcpKey(host: string, port: number): string {
  return `tcp|${host}|${port}`;
}
