import { appendFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { connect, createSecureContext, createServer, type SecureContext, type Server, type TLSSocket } from 'node:tls';
import type { Clock } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import { type Logger, printable } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import { FramedLink } from '#reload/link/framed-link.ts';
import type { AppConnection, Link, LinkFault, Listener, Offer, OverlayTransport } from '#reload/link/link.ts';
import { connectionKey } from '#reload/link/tls/connection-key.ts';
import { type Arrival, OneShotOffer } from '#reload/link/tls/one-shot-offer.ts';
import { checkPeer, requireNode } from '#reload/link/tls/peer-check.ts';
import { RefusalLog } from '#reload/link/tls/refusal-log.ts';
import { SecretGate } from '#reload/link/tls/shared-secret.ts';
import { connectFirst } from '#reload/link/tls/tcp-dial.ts';
import { listenInRange, listenOn, type PortRange, reachableAddresses } from '#reload/link/tls/tcp-listener.ts';
import { secureContextOptions } from '#reload/link/tls/tls-options.ts';
import { UnfinishedHandshakes } from '#reload/link/tls/unfinished-handshakes.ts';
import type { ConfigurationSource } from '#reload/overlay-config/configuration.ts';
import type { Certificate, Identity, Verifier } from '#reload/security/identity.ts';
import type { IpAddressPort } from '#reload/wire/address.ts';
import { OverlayLinkType } from '#reload/wire/codes.ts';
import type { NodeId } from '#reload/wire/ids.ts';

export interface TlsTransportDeps {
  readonly identity: Identity;
  readonly verifier: Verifier;
  readonly configuration: ConfigurationSource;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface TlsTransportOptions {
  /** Where the one-shot listeners of Attach and AppAttach are bound; by default `0.0.0.0` and `::`. */
  readonly bindAddresses?: readonly string[];
  /** Addresses to give to others in place of those of this machine, for example behind a port forwarding. */
  readonly advertise?: readonly string[];
  /** Ports of the one-shot listeners; by default the system chooses. */
  readonly portRange?: PortRange;
  /** TLS secrets are appended to this file, for packet captures. Whoever reads it can read every link. */
  readonly keylogFile?: string;
}

/** Time for a TLS handshake, in milliseconds. */
const HANDSHAKE_TIMEOUT = 10_000;
const MAX_OFFER_CONNECTIONS = 8;
const MAX_BOOTSTRAP_CONNECTIONS = 2048;
/** Of those, from one address before they have shown a certificate. */
const MAX_UNFINISHED_PER_ADDRESS = 64;

/** TLS-TCP-FH-NO-ICE (RFC 6940 §6.6.5): TLS with certificates of both ends over TCP, IPv4 and IPv6. */
export class TlsTransport implements OverlayTransport {
  readonly overlayLink = OverlayLinkType.tlsTcpFhNoIce;
  readonly #deps: TlsTransportDeps;
  readonly #options: TlsTransportOptions;
  /** What to do with a finished handshake, by the TCP connection it runs on. */
  readonly #handshakes = new Map<string, (arrival: Arrival) => void>();
  /** Connections whose handshake succeeded. */
  readonly #live = new Set<TLSSocket>();
  readonly #refusals: RefusalLog;
  readonly #gate: SecretGate;
  #server: Server | undefined;
  #context: SecureContext | undefined;
  /** What handshakes show. */
  #shown: Certificate | undefined;

  constructor(deps: TlsTransportDeps, options: TlsTransportOptions = {}) {
    this.#deps = deps;
    this.#options = options;
    this.#refusals = new RefusalLog(deps);
    this.#gate = new SecretGate({ ...deps, refused: (socket, reason) => this.#refuse(socket, reason) });
    deps.configuration.onChange(() => {
      this.#context = undefined;
      this.#server?.setSecureContext(this.#contextOptions());
      this.#reconsider();
    });
  }

  async listen(at: { readonly host: string; readonly port: number }, accept: (link: Link) => void): Promise<Listener> {
    const unfinished = new UnfinishedHandshakes(MAX_UNFINISHED_PER_ADDRESS);
    // `::` means every address to most people, and to most systems.
    const listener = await listenOn(at.host === '::' ? ['::', '0.0.0.0'] : [at.host], at.port, {
      maxConnections: MAX_BOOTSTRAP_CONNECTIONS,
      onSocket: (tcp) => {
        const finished = unfinished.begin(tcp);
        if (finished === undefined) {
          this.#refuse(tcp, tooMany());
          return;
        }
        this.#shake(tcp, ({ socket, certificate }) => {
          finished();
          accept(this.#link(socket, certificate, soleNode(certificate)));
        });
      },
    });
    return {
      addresses: reachableAddresses(listener, this.#options.advertise),
      close: async () => listener.close(),
    };
  }

  offerLink(): Promise<Offer<Link>> {
    return this.#offer(({ socket, certificate }, nodeId) => this.#link(socket, certificate, nodeId));
  }

  offerApplication(): Promise<Offer<AppConnection>> {
    return this.#offer(({ socket, certificate }, nodeId) => ({ stream: socket, peer: certificate, nodeId }));
  }

  async dialLink(
    addresses: readonly IpAddressPort[],
    expected: NodeId | undefined,
    signal: AbortSignal,
  ): Promise<Link> {
    const { socket, certificate } = await this.#dial(addresses, expected, signal);
    return this.#link(socket, certificate, expected ?? soleNode(certificate));
  }

  async dialApplication(
    addresses: readonly IpAddressPort[],
    expected: NodeId,
    signal: AbortSignal,
  ): Promise<AppConnection> {
    const { socket, certificate } = await this.#dial(addresses, expected, signal);
    return { stream: socket, peer: certificate, nodeId: expected };
  }

  async #offer<Connection>(make: (arrival: Arrival, nodeId: NodeId) => Connection): Promise<Offer<Connection>> {
    let offer: OneShotOffer<Connection> | undefined;
    const listener = await listenInRange(this.#options.bindAddresses ?? ['0.0.0.0', '::'], this.#options.portRange, {
      maxConnections: MAX_OFFER_CONNECTIONS,
      random: this.#deps.random,
      onSocket: (socket) => this.#shake(socket, (arrival) => offer?.arrived(arrival)),
    });
    offer = new OneShotOffer<Connection>(
      {
        clock: this.#deps.clock,
        require: requireNode,
        make,
        refused: (socket, reason) => this.#refuse(socket, reason),
        close: () => listener.close(),
      },
      reachableAddresses(listener, this.#options.advertise),
    );
    return offer;
  }

  /** Tries the addresses until a handshake with the expected node succeeds. */
  async #dial(
    addresses: readonly IpAddressPort[],
    expected: NodeId | undefined,
    signal: AbortSignal,
  ): Promise<Arrival> {
    let left = addresses;
    for (;;) {
      const { socket, rest } = await connectFirst(left, this.#deps.clock, signal);
      try {
        const arrival = await this.#shakeAsClient(await this.#gate.enter(socket, signal), signal);
        try {
          if (expected !== undefined) requireNode(arrival.certificate, expected);
        } catch (reason) {
          this.#refuse(arrival.socket, reason);
          throw reason;
        }
        return arrival;
      } catch (error) {
        if (signal.aborted || rest.length === 0) throw error;
        left = rest;
      }
    }
  }

  /** The server's part of a handshake. One TLS server serves every listener; the TCP connection tells whose it is. */
  #shake(socket: Socket, done: (arrival: Arrival) => void): void {
    const key = connectionKey(socket);
    this.#handshakes.set(key, done);
    socket.once('close', () => this.#handshakes.delete(key));
    socket.on('error', () => {});
    this.#gate.admit(socket, (admitted) => this.#tlsServer().emit('connection', admitted));
  }

  #tlsServer(): Server {
    this.#followIdentity();
    if (this.#server !== undefined) return this.#server;
    const server = createServer({
      ...this.#contextOptions(),
      requestCert: true,
      // Refused by `checkPeer`, which can say why.
      rejectUnauthorized: false,
      handshakeTimeout: HANDSHAKE_TIMEOUT,
    });
    server.on('secureConnection', (socket) => {
      const done = this.#handshakes.get(connectionKey(socket));
      const arrival = this.#check(socket);
      if (arrival === undefined) return;
      if (done === undefined) socket.destroy();
      else done(arrival);
    });
    server.on('tlsClientError', (error, socket) => {
      this.#deps.log.debug('TLS handshake failed', {
        from: socket.remoteAddress ?? 'unknown',
        error: printable(error.message),
      });
      socket.destroy();
    });
    server.on('keylog', (line) => this.#keylog(line));
    this.#server = server;
    return server;
  }

  #shakeAsClient(tcp: Socket, signal: AbortSignal): Promise<Arrival> {
    this.#followIdentity();
    this.#context ??= createSecureContext(this.#contextOptions());
    const socket = connect({
      socket: tcp,
      secureContext: this.#context,
      rejectUnauthorized: false,
      // Overlay certificates name nodes, not hosts (RFC 6940 §11.3).
      checkServerIdentity: () => undefined,
    });
    socket.on('keylog', (line) => this.#keylog(line));
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        timer.cancel();
        signal.removeEventListener('abort', onAbort);
        settle();
      };
      const fail = (reason: unknown) => {
        end(() => reject(reason));
        socket.destroy();
      };
      const onAbort = () => fail(signal.reason);
      const timer = this.#deps.clock.after(HANDSHAKE_TIMEOUT, () =>
        fail(new Failure<LinkFault>({ code: 'timeout' }, 'the TLS handshake took longer than 10 s')),
      );
      signal.addEventListener('abort', onAbort, { once: true });
      socket.on('error', (error) => fail(handshakeFailure(error)));
      socket.once('close', () => fail(handshakeFailure(undefined)));
      socket.once('secureConnect', () => {
        try {
          const arrival = this.#accept(socket);
          end(() => resolve(arrival));
        } catch (reason) {
          this.#refuse(socket, reason);
          fail(reason);
        }
      });
    });
  }

  #check(socket: TLSSocket): Arrival | undefined {
    try {
      return this.#accept(socket);
    } catch (reason) {
      this.#refuse(socket, reason);
      return undefined;
    }
  }

  #accept(socket: TLSSocket): Arrival {
    socket.disableRenegotiation();
    socket.on('error', () => {});
    const certificate = this.#checkCertificate(socket);
    this.#live.add(socket);
    socket.once('close', () => this.#live.delete(socket));
    return { socket, certificate };
  }

  #checkCertificate(socket: TLSSocket): Certificate {
    const { verifier, configuration } = this.#deps;
    return checkPeer(socket, { verifier, configuration: configuration.current });
  }

  #refuse(socket: Socket, reason: unknown): void {
    this.#refusals.refused(socket.remoteAddress, reason);
    socket.destroy();
  }

  /** A new configuration may revoke nodes or change the roots (RFC 6940 §11.1): what no longer holds is closed. */
  #reconsider(): void {
    for (const socket of [...this.#live]) {
      try {
        this.#checkCertificate(socket);
      } catch (reason) {
        this.#refuse(socket, reason);
      }
    }
  }

  #link(socket: TLSSocket, peer: Certificate, nodeId: NodeId | undefined): Link {
    socket.setNoDelay(true);
    return new FramedLink(
      socket,
      { clock: this.#deps.clock, log: this.#deps.log },
      {
        peer,
        nodeId,
        remoteAddress: `${socket.remoteAddress ?? 'unknown'} port ${socket.remotePort ?? 0}`,
        maxMessageSize: () => this.#deps.configuration.current.maxMessageSize,
      },
    );
  }

  /** A renewed certificate is shown from the next handshake on. */
  #followIdentity(): void {
    const { certificate } = this.#deps.identity;
    if (certificate === this.#shown) return;
    this.#shown = certificate;
    this.#context = undefined;
    this.#server?.setSecureContext(this.#contextOptions());
  }

  #contextOptions(): ReturnType<typeof secureContextOptions> {
    return secureContextOptions(this.#deps.identity, this.#deps.configuration.current);
  }

  #keylog(line: Buffer): void {
    if (this.#options.keylogFile !== undefined) appendFileSync(this.#options.keylogFile, line, { mode: 0o600 });
  }
}

function soleNode(certificate: Certificate): NodeId | undefined {
  return certificate.nodeIds.length === 1 ? certificate.nodeIds[0] : undefined;
}

function tooMany(): Failure<LinkFault> {
  return new Failure<LinkFault>({ code: 'closed' }, 'its address has too many unfinished TLS handshakes');
}

function handshakeFailure(error: Error | undefined): Failure<LinkFault> {
  if (error === undefined) {
    return new Failure<LinkFault>({ code: 'closed' }, 'the peer closed the connection during the TLS handshake');
  }
  return new Failure<LinkFault>({ code: 'closed' }, `the TLS handshake failed: ${error.message}`, error);
}
