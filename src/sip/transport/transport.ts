import { lookup } from 'node:dns/promises';
import { isIP, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Clock } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import { type Logger, printable } from '#platform/log.ts';
import type { SipMessage, SipRequest } from '#sip/message/message.ts';
import { isMessageFault, parseMessage } from '#sip/message/parser.ts';
import { printMessage } from '#sip/message/printer.ts';
import { replyTo } from '#sip/message/reply.ts';
import { unbracketed } from '#sip/message/uri.ts';
import { ConnectionTable } from '#sip/transport/connections.ts';
import type { Flow, TransportFault } from '#sip/transport/flow.ts';
import { RateLimit } from '#sip/transport/rate-limit.ts';
import { UdpSocket } from '#sip/transport/udp.ts';
import { stampVia } from '#sip/transport/via-stamp.ts';
import type { SipStream, SipTarget } from '#sip/ua/call-engine.ts';

export interface TransportDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** A host name's address. The system's resolver when left out. */
  readonly resolve?: (host: string) => Promise<string>;
}

export interface TransportOptions {
  /** Sent-by of messages on overlay connections. Never resolved (RFC 7904 §5.1). */
  readonly overlayDomain: string;
  /** Host that Via, Contact and Record-Route show for a wildcard listener. Default: the first address of the machine. */
  readonly advertisedHost?: string;
  readonly maxConnections?: number;
  readonly maxConnectionsPerHost?: number;
  /** Between pings on overlay connections, which keep NATs on the way open. */
  readonly keepAliveMs?: number;
  /** Messages a second and at once from one UDP address; more are dropped. */
  readonly udpPerSecond?: number;
  readonly udpBurst?: number;
}

export interface ListenAt {
  readonly transport: 'udp' | 'tcp';
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

/** Told of what comes in. Set once, before listening. */
export interface TransportUser {
  message(message: SipMessage, flow: Flow): void;
  /** A connection is gone. */
  closed(flow: Flow): void;
}

/** All sockets and connections that carry SIP (RFC 3261 §18). */
export class SipTransport {
  readonly #deps: TransportDeps;
  readonly #options: TransportOptions;
  readonly #log: Logger;
  readonly #udp: UdpSocket[] = [];
  readonly #connections: ConnectionTable;
  readonly #rate: RateLimit;
  #user: TransportUser | undefined;

  constructor(deps: TransportDeps, options: TransportOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#log = deps.log;
    this.#rate = new RateLimit(deps, {
      perSecond: options.udpPerSecond ?? 500,
      burst: options.udpBurst ?? 1000,
      sources: 4096,
    });
    const observer = {
      message: (bytes: Uint8Array, flow: Flow) => this.#receive(bytes, flow),
      closed: (flow: Flow) => this.#user?.closed(flow),
    };
    this.#connections = new ConnectionTable(
      { clock: deps.clock, log: deps.log, observer },
      {
        overlayDomain: options.overlayDomain,
        maxConnections: options.maxConnections ?? 512,
        maxConnectionsPerHost: options.maxConnectionsPerHost ?? 32,
        connectTimeoutMs: 10_000,
        keepAliveMs: options.keepAliveMs ?? 25_000,
      },
    );
  }

  get overlayDomain(): string {
    return this.#options.overlayDomain;
  }

  use(user: TransportUser): void {
    this.#user = user;
  }

  /** Resolves with the address others reach it at. */
  async listen(at: ListenAt): Promise<{ readonly host: string; readonly port: number }> {
    const host = unbracketed(at.host);
    const advertisedHost = isWildcard(host) ? (this.#options.advertisedHost ?? ownAddress(isIPv6(host))) : host;
    if (at.transport === 'tcp') {
      const { port } = await this.#connections.listen(host, at.port, advertisedHost);
      return { host: advertisedHost, port };
    }
    const socket = new UdpSocket({ index: this.#udp.length, host, port: at.port, advertisedHost });
    this.#udp.push(socket);
    await socket.open(
      (bytes, flow) => this.#receiveDatagram(bytes, flow),
      (reason) => this.#log.warn('UDP socket failed', { reason: reason.message }),
    );
    return { host: advertisedHost, port: socket.port };
  }

  /** Takes an overlay connection that the far end made; it is closed when there are too many. */
  attach(stream: SipStream): void {
    try {
      this.#connections.attach(stream);
    } catch (thrown) {
      this.#log.debug('connection refused', { peer: stream.peerName, reason: messageOf(thrown) });
    }
  }

  /** Rejects with `Failure<TransportFault>`. */
  async flowTo(target: SipTarget): Promise<Flow> {
    if (target.transport === 'stream') return this.#connections.attach(target.stream);
    const host = await this.#address(unbracketed(target.host));
    return target.transport === 'tcp' ? this.#connections.dial(host, target.port) : this.#udpFlow(host, target.port);
  }

  /** The flow a key names, as long as it is open. */
  flowOf(key: string): Flow | undefined {
    if (!key.startsWith('udp|')) return this.#connections.find(key);
    const [, index = '', host = '', port = ''] = key.split('|');
    return isIP(host) === 0 ? undefined : this.#udp[Number(index)]?.flow(host, Number(port));
  }

  /** Where the answers to a request go (RFC 3261 §18.2.2, RFC 3581 §4). */
  answerFlow(request: SipRequest, flow: Flow): Flow {
    if (flow.transport !== 'UDP' || request.via.parameters.has('rport')) return flow;
    return this.flowOf(flow.key.replace(/\|\d+$/, `|${request.via.port ?? 5060}`)) ?? flow;
  }

  /** Whether host and port of a URI or Via are one of the listening addresses. */
  isOwnAddress(host: string, port: number | undefined): boolean {
    const name = unbracketed(host).toLowerCase();
    const wanted = port ?? 5060;
    const listening = [...this.#udp, ...this.#connections.listeners];
    return listening.some((at) => at.host.toLowerCase() === name && at.port === wanted);
  }

  async stop(): Promise<void> {
    this.#connections.close();
    await Promise.all(this.#udp.map((socket) => socket.close()));
  }

  #udpFlow(host: string, port: number): Flow {
    const socket = this.#udp.find((candidate) => candidate.isIPv6 === isIPv6(host));
    if (socket !== undefined) return socket.flow(host, port);
    const family = isIPv6(host) ? 'IPv6' : 'IPv4';
    const fault: TransportFault = { code: 'no-socket', transport: 'udp', family };
    throw new Failure<TransportFault>(
      fault,
      `No ${family} UDP socket is open for SIP; add one to the listening addresses`,
    );
  }

  async #address(host: string): Promise<string> {
    if (isIP(host) !== 0) return host;
    const resolve = this.#deps.resolve ?? systemResolve;
    try {
      return await resolve(host);
    } catch (thrown) {
      throw new Failure<TransportFault>(
        { code: 'unreachable', host },
        `The host ${printable(host)} has no address`,
        thrown,
      );
    }
  }

  #receiveDatagram(bytes: Uint8Array, flow: Flow): void {
    // Keep-alives: CRLF (RFC 5626 §3.5.1 on streams, common on UDP too) and STUN, whose first octet is below 4.
    if (bytes.length < 16 || (bytes[0] ?? 0) < 4) return;
    if (this.#rate.take(flow.remoteHost)) this.#receive(bytes, flow);
    else this.#log.debug('datagram dropped: too many', { from: flow.remoteHost });
  }

  #receive(bytes: Uint8Array, flow: Flow): void {
    try {
      const { message, fault, request } = { request: undefined, ...parseMessage(bytes) };
      if (message !== undefined) {
        this.#user?.message(message.kind === 'request' ? stampVia(message, flow) : message, flow);
        return;
      }
      this.#log.debug('message refused', { from: flow.remoteHost, reason: printable(fault.message) });
      if (request !== undefined) this.#refuse(stampVia(request, flow), fault.fault.status, flow);
    } catch (thrown) {
      // A request too broken to answer ends here too. Nothing that comes in may end the process.
      if (!isMessageFault(thrown)) this.#log.error('message handling failed', { reason: String(thrown) });
    }
  }

  #refuse(request: SipRequest, status: number, flow: Flow): void {
    if (request.method === 'ACK') return;
    this.answerFlow(request, flow).send(printMessage(replyTo(request, status)));
  }
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

function ownAddress(wantIPv6: boolean): string {
  const family = wantIPv6 ? 'IPv6' : 'IPv4';
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const outside = all.find(
    (address) => address.family === family && !address.internal && !address.address.startsWith('fe80:'),
  );
  return outside?.address ?? (wantIPv6 ? '::1' : '127.0.0.1');
}

async function systemResolve(host: string): Promise<string> {
  return (await lookup(host)).address;
}
