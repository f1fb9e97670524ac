import type { Socket } from 'node:net';

/** Tells TCP connections apart, whatever runs on them by now. */
export function connectionKey(socket: Socket): string {
  return `${socket.remoteAddress}|${socket.remotePort}|${socket.localAddress}|${socket.localPort}`;
}
