import { createSocket, type Socket } from 'node:dgram';
import { messageOf } from '#platform/failure.ts';

/** What a library that speaks multicast DNS is protected from. */
interface GuardOptions {
  readonly now: () => number;
  /** Told of what was caught: errors of the socket, and exceptions of the library over a datagram. */
  readonly caught: (what: string) => void;
}

/** Longer packets are fit for no Ethernet, and for nothing that is searched here (RFC 6762 §17). */
const MAX_PACKET = 1500;
/** Datagrams that are looked at, and that are sent, within a second. */
const MAX_RECEIVED = 100;
const MAX_SENT = 50;
const WINDOW = 1000;

/**
 * A socket for a library whose handlers were not written for hostile networks: a flood is cut off, answers to a flood as well, an
 * exception in a handler ends with the datagram that caused it, and errors of the socket are reported in place of being thrown.
 */
export function guardedSocket({ now, caught }: GuardOptions): Socket {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  const received = perWindow(MAX_RECEIVED, now);
  const sent = perWindow(MAX_SENT, now);
  const emit = socket.emit.bind(socket) as (event: string, ...rest: unknown[]) => boolean;
  const send = socket.send.bind(socket) as (...all: unknown[]) => void;
  Object.defineProperty(socket, 'emit', {
    value: (event: string, ...rest: unknown[]): boolean => {
      if (event === 'error') {
        caught(messageOf(rest[0]));
        return true;
      }
      const isPacket = event === 'message' && rest[0] instanceof Uint8Array;
      if (isPacket && ((rest[0] as Uint8Array).length > MAX_PACKET || !received())) return true;
      try {
        return emit(event, ...rest);
      } catch (thrown) {
        caught(messageOf(thrown));
        return true;
      }
    },
  });
  Object.defineProperty(socket, 'send', {
    value: (...all: unknown[]): void => {
      const done = all.at(-1);
      if (sent()) send(...all);
      else if (typeof done === 'function') process.nextTick(() => done(null));
    },
  });
  return socket;
}

function perWindow(most: number, now: () => number): () => boolean {
  let since = 0;
  let count = 0;
  return () => {
    if (Math.abs(now() - since) >= WINDOW) {
      since = now();
      count = 0;
    }
    count++;
    return count <= most;
  };
}
