import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { type Random, randomBelow } from '#platform/random.ts';

export interface RtpSockets {
  readonly rtp: Socket;
  readonly rtcp: Socket;
  /** Even; RTCP is on the next one (RFC 3550 §11). */
  readonly port: number;
}

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

const ATTEMPTS = 40;

/** Binds an even port and the one above it, of `range` or wherever the system finds room. */
export async function bindRtpSockets(
  address: string,
  range: PortRange | undefined,
  random: Random,
): Promise<RtpSockets> {
  let lastFault: unknown;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    let rtp: Socket | undefined;
    try {
      rtp = await bind(address, range ? evenPortOf(range, random) : 0);
      const { port } = rtp.address();
      if (port % 2 === 0) return { rtp, rtcp: await bind(address, port + 1), port };
    } catch (fault) {
      lastFault = fault;
    }
    rtp?.close();
  }
  throw new Error(`no free pair of UDP ports at ${address} for sound; widen the RTP port range`, { cause: lastFault });
}

async function bind(address: string, port: number): Promise<Socket> {
  const socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4' });
  try {
    socket.bind(port, address);
    await once(socket, 'listening');
    return socket;
  } catch (fault) {
    socket.close();
    throw fault;
  }
}

function evenPortOf(range: PortRange, random: Random): number {
  const first = range.first + (range.first % 2);
  const pairs = Math.max(1, Math.floor((range.last - first + 1) / 2));
  return first + 2 * randomBelow(random, pairs);
}
