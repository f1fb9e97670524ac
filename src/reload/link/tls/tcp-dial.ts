import { connect, type Socket } from 'node:net';
import type { Clock, Timer } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import type { LinkFault } from '#reload/link/link.ts';
import type { IpAddressPort } from '#reload/wire/address.ts';

/** After this long without an answer the next address is tried as well, in milliseconds (RFC 8305 §5). */
const STAGGER = 250;

export interface Connected {
  readonly socket: Socket;
  /** Addresses not used up, for when the handshake with this one fails. */
  readonly rest: readonly IpAddressPort[];
}

/**
 * Connects to the first address that answers; others are tried side by side, and only TCP is raced, so that a one-shot listener never
 * sees two handshakes of one node. Rejects with `Failure<LinkFault>` or the signal's reason.
 */
export function connectFirst(
  addresses: readonly IpAddressPort[],
  clock: Clock,
  signal: AbortSignal,
): Promise<Connected> {
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const race = new Race(addresses, clock, {
      resolve: (connected) => {
        signal.removeEventListener('abort', onAbort);
        resolve(connected);
      },
      reject: (reason) => {
        signal.removeEventListener('abort', onAbort);
        reject(reason);
      },
    });
    const onAbort = () => race.fail(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    race.next();
  });
}

interface Settle {
  resolve(connected: Connected): void;
  reject(reason: unknown): void;
}

class Race {
  readonly #clock: Clock;
  readonly #settle: Settle;
  readonly #waiting: IpAddressPort[];
  readonly #trying = new Map<Socket, IpAddressPort>();
  #timer: Timer | undefined;
  #lastError: unknown = 'there is none';

  constructor(addresses: readonly IpAddressPort[], clock: Clock, settle: Settle) {
    this.#waiting = [...addresses];
    this.#clock = clock;
    this.#settle = settle;
  }

  next(): void {
    this.#timer?.cancel();
    const address = this.#waiting.shift();
    if (address !== undefined) {
      if (this.#waiting.length > 0) this.#timer = this.#clock.after(STAGGER, () => this.next());
      this.#try(address);
    } else if (this.#trying.size === 0) {
      const detail = `no address could be reached: ${messageOf(this.#lastError)}`;
      this.fail(new Failure<LinkFault>({ code: 'unreachable' }, detail, this.#lastError));
    }
  }

  fail(reason: unknown): void {
    this.#end();
    this.#settle.reject(reason);
  }

  #try(address: IpAddressPort): void {
    if (address.type === 'unknown') {
      this.next();
      return;
    }
    const socket = connect({ host: address.address, port: address.port, noDelay: true });
    this.#trying.set(socket, address);
    socket.on('error', (error) => {
      if (!this.#trying.delete(socket)) return;
      this.#lastError = error;
      this.next();
    });
    socket.once('connect', () => {
      if (!this.#trying.delete(socket)) return;
      const rest = [...this.#trying.values(), ...this.#waiting];
      this.#end();
      this.#settle.resolve({ socket, rest });
    });
  }

  #end(): void {
    this.#timer?.cancel();
    this.#waiting.length = 0;
    const losers = [...this.#trying.keys()];
    this.#trying.clear();
    for (const socket of losers) socket.destroy();
  }
}
