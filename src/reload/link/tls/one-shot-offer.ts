import type { TLSSocket } from 'node:tls';
import type { Clock, Timer } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { LinkFault, Offer } from '#reload/link/link.ts';
import type { Certificate } from '#reload/security/identity.ts';
import type { IpAddressPort } from '#reload/wire/address.ts';
import type { NodeId } from '#reload/wire/ids.ts';

/** The passive side lives this long without an accepted connection, in milliseconds. */
const OFFER_LIFETIME = 15_000;
/** Finished handshakes that wait for the answer to say whom to expect. */
const MAX_EARLY = 4;

/** A finished handshake whose certificate is good. */
export interface Arrival {
  readonly socket: TLSSocket;
  readonly certificate: Certificate;
}

export interface OneShotDeps<Connection> {
  readonly clock: Clock;
  /** Throws `Failure<LinkFault>` when the certificate does not hold the Node-ID. */
  readonly require: (certificate: Certificate, expected: NodeId) => void;
  readonly make: (arrival: Arrival, nodeId: NodeId) => Connection;
  readonly refused: (socket: TLSSocket, reason: unknown) => void;
  readonly close: () => void;
}

/**
 * The passive side of one Attach or AppAttach. The answerer may finish its handshake before its answer arrives here, so good connections
 * are held until `accept` names the Node-ID.
 */
export class OneShotOffer<Connection> implements Offer<Connection> {
  readonly addresses: readonly IpAddressPort[];
  readonly #deps: OneShotDeps<Connection>;
  readonly #early: Arrival[] = [];
  #claim: { readonly expected: NodeId; readonly resolve: (connection: Connection) => void } | undefined;
  #fail: ((reason: unknown) => void) | undefined;
  #timer: Timer;
  #closed = false;

  constructor(deps: OneShotDeps<Connection>, addresses: readonly IpAddressPort[]) {
    this.#deps = deps;
    this.addresses = addresses;
    this.#timer = deps.clock.after(OFFER_LIFETIME, () => this.#expire());
  }

  accept(expected: NodeId, signal: AbortSignal): Promise<Connection> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#closed) return Promise.reject(new Failure<LinkFault>({ code: 'closed' }, 'the offer is closed'));
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#fail?.(signal.reason);
        this.close();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      const settled = () => {
        signal.removeEventListener('abort', onAbort);
        this.#claim = undefined;
        this.#fail = undefined;
      };
      this.#fail = (reason) => {
        settled();
        reject(reason);
      };
      this.#claim = {
        expected,
        resolve: (connection) => {
          settled();
          resolve(connection);
        },
      };
      this.#timer.cancel();
      this.#timer = this.#deps.clock.after(OFFER_LIFETIME, () => this.#expire());
      for (const arrival of this.#early.splice(0)) this.arrived(arrival);
    });
  }

  /** Takes a finished handshake with a good certificate, of whatever node. */
  arrived(arrival: Arrival): void {
    if (this.#closed) {
      arrival.socket.destroy();
      return;
    }
    if (this.#claim === undefined) {
      this.#hold(arrival);
      return;
    }
    const { expected, resolve } = this.#claim;
    try {
      this.#deps.require(arrival.certificate, expected);
    } catch (reason) {
      this.#deps.refused(arrival.socket, reason);
      return;
    }
    resolve(this.#deps.make(arrival, expected));
    this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer.cancel();
    this.#deps.close();
    for (const { socket } of this.#early.splice(0)) socket.destroy();
    this.#fail?.(new Failure<LinkFault>({ code: 'closed' }, 'the offer was closed'));
  }

  #hold(arrival: Arrival): void {
    if (this.#early.length >= MAX_EARLY) {
      arrival.socket.destroy();
      return;
    }
    this.#early.push(arrival);
    arrival.socket.once('close', () => {
      const index = this.#early.indexOf(arrival);
      if (index >= 0) this.#early.splice(index, 1);
    });
  }

  #expire(): void {
    this.#fail?.(new Failure<LinkFault>({ code: 'timeout' }, 'the other node did not connect within 15 s'));
    this.close();
  }
}
