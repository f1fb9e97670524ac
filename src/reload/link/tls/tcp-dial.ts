import { connect, type Socket } from 'node:net';
import type { Clock } from '#platform/clock.ts';
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
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const waiting = [...addresses];
    const trying = new Set<Socket>();
    let reason: unknown = 'no address to dial';
    let timer = clock.after(0, () => {});

    const end = () => {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
      for (const socket of trying) socket.destroy();
      trying.clear();
    };
    const onAbort = () => {
      end();
      reject(signal.reason);
    };
    const next = () => {
      timer.cancel();
      const address = waiting.shift();
      if (address !== undefined) {
        attempt(address);
        if (waiting.length > 0) timer = clock.after(STAGGER, next);
      } else if (trying.size === 0) {
        end();
        reject(
          new Failure<LinkFault>({ code: 'unreachable' }, `no address could be reached: ${messageOf(reason)}`, reason),
        );
      }
    };
    const attempt = (address: IpAddressPort) => {
      if (address.type === 'unknown') {
        next();
        return;
      }
      const socket = connect({ host: address.address, port: address.port, noDelay: true });
      trying.add(socket);
      socket.on('error', (error) => {
        if (!trying.delete(socket)) return;
        reason = error;
        next();
      });
      socket.once('connect', () => {
        if (!trying.delete(socket)) return;
        const rest = [...addressesOf(trying), ...waiting];
        end();
        resolve({ socket, rest });
      });
      targets.set(socket, address);
    };
    const targets = new WeakMap<Socket, IpAddressPort>();
    const addressesOf = (sockets: Set<Socket>) => [...sockets].flatMap((socket) => targets.get(socket) ?? []);

    signal.addEventListener('abort', onAbort, { once: true });
    next();
  });
}
