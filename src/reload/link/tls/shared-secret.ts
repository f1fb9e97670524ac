import { constants, hkdfSync } from 'node:crypto';
import type { Socket } from 'node:net';
import { connect, createServer, type Server, type TLSSocket } from 'node:tls';
import type { Clock } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { LinkFault } from '#reload/link/link.ts';
import { connectionKey } from '#reload/link/tls/connection-key.ts';
import type { ConfigurationSource } from '#reload/overlay-config/configuration.ts';

export interface SecretGateDeps {
  readonly configuration: ConfigurationSource;
  readonly clock: Clock;
  /** Told of connections whose other end does not know the secret. */
  readonly refused: (socket: Socket, reason: Failure<LinkFault>) => void;
}

/** Time for the handshake, in milliseconds. */
const HANDSHAKE_TIMEOUT = 10_000;
/**
 * TLS-PSK with a Diffie-Hellman exchange, so that no one can try out secrets on what was overheard, and an AEAD (RFC 4279, RFC 7905).
 * The library has pre-shared keys for TLS 1.2 only.
 */
const OPTIONS = {
  ciphers: 'ECDHE-PSK-CHACHA20-POLY1305',
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.2',
  secureOptions: constants.SSL_OP_NO_TICKET,
} as const;

/**
 * Shared secret mode (RFC 6940 §13.4): no connection without the overlay's `shared-secret`. Its key makes a TLS-PSK channel first, and
 * inside it both ends show their certificates in a handshake of their own: the secret admits to the overlay, and says nothing of who is
 * who. Without a secret in the document connections pass as they are.
 */
export class SecretGate {
  readonly #deps: SecretGateDeps;
  readonly #admitted = new Map<string, (socket: Socket) => void>();
  #server: Server | undefined;

  constructor(deps: SecretGateDeps) {
    this.#deps = deps;
  }

  /** The listening side: `next` gets the connection once the other end has shown that it knows the secret. */
  admit(socket: Socket, next: (socket: Socket) => void): void {
    if (this.#secret === undefined) {
      next(socket);
      return;
    }
    const key = connectionKey(socket);
    this.#admitted.set(key, next);
    socket.once('close', () => this.#admitted.delete(key));
    socket.on('error', () => {});
    this.#listening().emit('connection', socket);
  }

  /** The dialling side. Rejects with `Failure<LinkFault>` or the signal's reason. */
  enter(socket: Socket, signal: AbortSignal): Promise<Socket> {
    if (this.#secret === undefined) return Promise.resolve(socket);
    const { instanceName } = this.#deps.configuration.current;
    const channel = connect({
      ...OPTIONS,
      socket,
      pskCallback: () => ({ psk: this.#key(), identity: instanceName }),
      // A pre-shared key comes without certificates.
      checkServerIdentity: () => undefined,
    });
    return new Promise((resolve, reject) => {
      const end = () => {
        timer.cancel();
        signal.removeEventListener('abort', onAbort);
      };
      const fail = (reason: unknown) => {
        end();
        channel.destroy();
        reject(reason);
      };
      const onAbort = () => fail(signal.reason);
      const timer = this.#deps.clock.after(HANDSHAKE_TIMEOUT, () => fail(wrongSecret()));
      signal.addEventListener('abort', onAbort, { once: true });
      channel.on('error', (error) => fail(wrongSecret(error)));
      channel.once('close', () => fail(wrongSecret()));
      channel.once('secureConnect', () => {
        end();
        resolve(channel);
      });
    });
  }

  get #secret(): string | undefined {
    return this.#deps.configuration.current.sharedSecret;
  }

  /** The key of the document in force at each handshake, so that a changed secret counts at once. */
  #key(): Buffer {
    const { instanceName } = this.#deps.configuration.current;
    return Buffer.from(hkdfSync('sha256', this.#secret ?? '', instanceName, 'RELOAD shared secret', 32));
  }

  #listening(): Server {
    if (this.#server !== undefined) return this.#server;
    const server = createServer({
      ...OPTIONS,
      handshakeTimeout: HANDSHAKE_TIMEOUT,
      pskCallback: () => (this.#secret === undefined ? null : this.#key()),
    });
    server.on('secureConnection', (channel) => this.#passOn(channel));
    server.on('tlsClientError', (error, channel) => {
      this.#deps.refused(channel, wrongSecret(error));
      channel.destroy();
    });
    this.#server = server;
    return server;
  }

  #passOn(channel: TLSSocket): void {
    const next = this.#admitted.get(connectionKey(channel));
    channel.disableRenegotiation();
    channel.on('error', () => {});
    if (next === undefined || channel.isSessionReused()) channel.destroy();
    else next(channel);
  }
}

function wrongSecret(cause?: Error): Failure<LinkFault> {
  const detail = 'the two ends do not share the secret of the overlay: compare their configuration documents';
  return new Failure<LinkFault>({ code: 'shared-secret' }, detail, cause);
}
