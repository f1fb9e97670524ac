import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { BootstrapAddress } from '#reload/node/peer-cache.ts';

type OnDatagram = (bytes: Uint8Array, from: BootstrapAddress) => void;

/** A machine's interfaces beyond this many are left out. */
const MAX_INTERFACES = 16;

/** The interfaces of a group's family, as sockets name them: an IPv4 address, or `::%name`. */
export function multicastInterfaces(group: string, loopback: boolean): readonly string[] {
  const v6 = isIPv6(group);
  return Object.entries(networkInterfaces())
    .flatMap(([name, addresses = []]) => {
      const first = addresses.find((entry) => entry.internal === loopback && entry.family === (v6 ? 'IPv6' : 'IPv4'));
      return first === undefined ? [] : [v6 ? `::%${name}` : first.address];
    })
    .slice(0, MAX_INTERFACES);
}

/**
 * Takes what is sent to the group at these interfaces; further processes of this machine may do the same. Rejects when the port cannot be
 * had or no interface joins the group.
 */
export async function joinGroup(group: BootstrapAddress, interfaces: readonly string[], take: OnDatagram) {
  const socket = await open(group.address, { port: group.port, shared: true });
  listen(socket, take);
  let joined = 0;
  let reason: unknown = new Error('this machine has no network interface for it');
  for (const at of interfaces) {
    try {
      socket.addMembership(group.address, at);
      joined++;
    } catch (thrown) {
      reason = thrown;
    }
  }
  if (joined > 0) return closing(socket);
  socket.close();
  throw reason;
}

/** A socket that sends to a group through one interface, at most to the next router, and takes the answers. */
export async function openSender(group: BootstrapAddress, at: string, take: OnDatagram) {
  const socket = await open(group.address, { port: 0, shared: false });
  listen(socket, take);
  try {
    socket.setMulticastInterface(at);
    socket.setMulticastTTL(1);
    socket.setMulticastLoopback(true);
  } catch (thrown) {
    socket.close();
    throw thrown;
  }
  return {
    ...closing(socket),
    send: (bytes: Uint8Array, failed: (error: Error) => void) =>
      socket.send(bytes, group.port, group.address, (error) => error && failed(error)),
  };
}

/** A socket for answers, which come from the port whose TCP namesake takes links; whatever arrives at it is dropped. */
export async function openAnswerer(from: BootstrapAddress) {
  const socket = await open(from.address, { port: from.port, host: from.address, shared: true });
  listen(socket, () => {});
  return {
    ...closing(socket),
    send: (bytes: Uint8Array, to: BootstrapAddress) => socket.send(bytes, to.port, to.address, () => {}),
  };
}

function open(
  like: string,
  at: { readonly port: number; readonly host?: string; readonly shared: boolean },
): Promise<Socket> {
  const type = isIPv6(like) ? 'udp6' : 'udp4';
  const socket = createSocket({ type, reuseAddr: at.shared, ...(type === 'udp6' ? { ipv6Only: true } : {}) });
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ port: at.port, exclusive: true, ...(at.host === undefined ? {} : { address: at.host }) }, () => {
      socket.removeAllListeners('error');
      socket.on('error', () => {});
      resolve(socket);
    });
  });
}

function listen(socket: Socket, take: OnDatagram): void {
  socket.unref();
  socket.on('message', (bytes, { address, port }) => take(bytes, { address, port }));
}

function closing(socket: Socket): { close(): void } {
  let isOpen = true;
  return {
    close: () => {
      if (isOpen) socket.close();
      isOpen = false;
    },
  };
}
