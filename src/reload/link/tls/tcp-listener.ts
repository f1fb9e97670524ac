import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { Failure, messageOf } from '#platform/failure.ts';
import { type Random, randomBelow } from '#platform/random.ts';
import type { LinkFault } from '#reload/link/link.ts';
import type { IpAddressPort } from '#reload/wire/address.ts';

export interface PortRange {
  readonly from: number;
  readonly to: number;
}

export interface TcpListener {
  /** Where the sockets are bound; wildcard addresses as they are. */
  readonly bound: readonly { readonly host: string; readonly port: number }[];
  close(): void;
}

/** Listens on every host that this machine has; at least one has to work. Port 0 lets the system choose. */
export async function listenOn(
  hosts: readonly string[],
  port: number,
  options: { readonly maxConnections: number; readonly onSocket: (socket: Socket) => void },
): Promise<TcpListener> {
  const results = await Promise.allSettled(hosts.map((host) => listenOnce(host, port, options)));
  const servers = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failed = results.find((result) => result.status === 'rejected');
  // A machine without IPv6 refuses `::`; any other trouble with one of several hosts is trouble.
  if (servers.length === 0 || (failed !== undefined && !isAbsentFamily(failed.reason))) {
    for (const server of servers) server.close();
    const detail = `cannot listen on ${hosts.join(', ')} port ${port}: ${messageOf(failed?.reason ?? 'no address given')}`;
    throw new Failure<LinkFault>({ code: 'unreachable' }, detail, failed?.reason);
  }
  return {
    bound: servers.map((server) => boundTo(server)),
    close: () => {
      for (const server of servers) server.close();
    },
  };
}

/** Like `listenOn` with the first free port of a range, beginning anywhere in it. */
export async function listenInRange(
  hosts: readonly string[],
  range: PortRange | undefined,
  options: { readonly maxConnections: number; readonly onSocket: (socket: Socket) => void; readonly random: Random },
): Promise<TcpListener> {
  if (range === undefined) return listenOn(hosts, 0, options);
  const count = range.to - range.from + 1;
  const start = randomBelow(options.random, count);
  let reason: unknown;
  for (let i = 0; i < count; i++) {
    try {
      return await listenOn(hosts, range.from + ((start + i) % count), options);
    } catch (error) {
      reason = error;
    }
  }
  const detail = `no free port in ${range.from}-${range.to}: widen the range`;
  throw new Failure<LinkFault>({ code: 'unreachable' }, detail, reason);
}

/**
 * The addresses under which others reach a listener: `advertise` when given, else the bound hosts, wildcards standing for every address
 * of this machine that is neither loopback nor link-local.
 */
export function reachableAddresses(
  listener: TcpListener,
  advertise: readonly string[] | undefined,
): readonly IpAddressPort[] {
  return listener.bound.flatMap(({ host, port }) => {
    const v6 = isIPv6(host);
    const own = advertise?.filter((address) => isIPv6(address) === v6);
    const addresses = own ?? (host === '0.0.0.0' || host === '::' ? localAddresses(v6) : [host]);
    return addresses.map((address) => ({ type: v6 ? 'ipv6' : 'ipv4', address, port }) as const);
  });
}

function localAddresses(v6: boolean): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return all
    .filter((entry) => !entry.internal && entry.family === (v6 ? 'IPv6' : 'IPv4') && !isLinkLocal(entry.address))
    .map((entry) => entry.address);
}

function isLinkLocal(address: string): boolean {
  return /^fe[89ab]/i.test(address) || address.startsWith('169.254.');
}

function listenOnce(
  host: string,
  port: number,
  options: { readonly maxConnections: number; readonly onSocket: (socket: Socket) => void },
): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ noDelay: true }, options.onSocket);
    server.maxConnections = options.maxConnections;
    server.once('error', reject);
    // `::` must not take the IPv4 port that `0.0.0.0` is to have.
    server.listen({ host, port, ipv6Only: isIPv6(host) }, () => {
      server.off('error', reject);
      server.on('error', () => {});
      resolve(server);
    });
  });
}

function boundTo(server: Server): { readonly host: string; readonly port: number } {
  const address = server.address();
  return typeof address === 'object' && address !== null
    ? { host: address.address, port: address.port }
    : { host: '', port: 0 };
}

function isAbsentFamily(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL';
}
