import { createHash } from 'node:crypto';
import { access } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { Random } from '#platform/random.ts';
import { DOCUMENT_FILE, saveAuthority } from '#reload/enrollment/authority-directory.ts';
import { CONFIGURATION_PATH, ENROLLMENT_PATH } from '#reload/enrollment/enrollment-server.ts';
import { foundOverlay } from '#reload/enrollment/found-overlay.ts';
import { printInvitation } from '#reload/enrollment/invitation.ts';
import { initialTtlFor } from '#reload/overlay-config/overlay-defaults.ts';
import { isDomainName, isMulticast } from '#reload/overlay-config/values.ts';

export interface OverlayCreateOptions {
  readonly name: string;
  /** Directory to make. */
  readonly out: string;
  /** Names and addresses by which members reach the enrollment server; the first goes into the invitation. The overlay name by default. */
  readonly hosts: readonly string[];
  readonly port: number;
  /** `address:port` of peers to join through; IPv6 addresses in brackets. */
  readonly bootstrap: readonly string[];
  /** `group:port` of multicast groups at which newcomers ask for peers. */
  readonly multicast?: readonly string[];
  /** The domain of gateway names; `pstn.<name>` by default. */
  readonly gatewayDomain?: string;
  readonly maxMessageSize?: number;
  /** How many peers there may be one day; initial-ttl follows from it. */
  readonly peers?: number;
  readonly validityDays?: number;
}

export interface OverlayCreateDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly print: (line: string) => void;
}

type OverlayCreateFault =
  | { readonly code: 'bad-option'; readonly option: string }
  | { readonly code: 'exists'; readonly path: string };

/** `copperring overlay create`: makes an overlay and prints its invitation as the last line. */
export async function createOverlay(deps: OverlayCreateDeps, options: OverlayCreateOptions): Promise<void> {
  const { name, out } = options;
  if (!isDomainName(name))
    throw badOption('--name', `${JSON.stringify(name)} is no domain name; one looks like home.example.`);
  if (!Number.isInteger(options.port) || options.port < 1 || options.port > 65535)
    throw badOption('--port', 'a port is a number from 1 to 65535.');
  if (!((options.peers ?? 1) >= 1)) throw badOption('--peers', 'a number of peers is 1 or more.');
  await requireNew(join(out, DOCUMENT_FILE));
  const hosts = options.hosts.length === 0 ? [name] : options.hosts;
  const base = `https://${hostInUrl(hosts[0] ?? name)}:${options.port}`;
  const validityDays = options.validityDays ?? 3650;
  const founded = await foundOverlay(deps, {
    name,
    validityDays,
    choices: {
      enrollmentServers: [base + ENROLLMENT_PATH],
      bootstrapNodes: options.bootstrap.map(parseAddress),
      multicastBootstrap: (options.multicast ?? []).map(parseGroup),
      ...(options.gatewayDomain === undefined ? {} : { pstnDomain: options.gatewayDomain }),
      ...(options.maxMessageSize === undefined ? {} : { maxMessageSize: options.maxMessageSize }),
      ...(options.peers === undefined ? {} : { initialTtl: initialTtlFor(options.peers) }),
    },
  });
  await saveAuthority(out, founded, { clock: deps.clock, hosts, validityDays });
  const rootFingerprint = createHash('sha256').update(founded.root.certificate).digest('hex');
  deps.print(`Overlay ${name} made in ${out}. Keep this directory secret: it holds the key every member trusts.`);
  deps.print('New members need this invitation:');
  deps.print(printInvitation({ url: base + CONFIGURATION_PATH, overlayName: name, rootFingerprint }));
}

async function requireNew(path: string): Promise<void> {
  const exists = await access(path).then(
    () => true,
    () => false,
  );
  if (exists)
    throw new Failure<OverlayCreateFault>(
      { code: 'exists', path },
      `${path} is there already. Take another directory; an overlay's keys are not overwritten.`,
    );
}

interface AddressAndPort {
  readonly address: string;
  readonly port: number;
}

/** `192.0.2.1:6084`, `[2001:db8::1]:6084`, or either without the port. */
export function parseAddress(text: string): AddressAndPort {
  return addressOf('--bootstrap', text);
}

function addressOf(option: string, text: string): AddressAndPort {
  const [, bracketed, plain, portText] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const address = bracketed ?? plain ?? '';
  const port = Number(portText ?? 6084);
  if (isIP(address) === 0 || port < 1 || port > 65535)
    throw badOption(
      option,
      `${JSON.stringify(text)} is no address; one looks like 192.0.2.1:6084 or [2001:db8::1]:6084.`,
    );
  return { address, port };
}

function parseGroup(text: string): AddressAndPort {
  const option = '--multicast';
  const group = addressOf(option, text);
  if (!isMulticast(group.address))
    throw badOption(option, `${group.address} is no multicast group; take one of 239.0.0.0/8 or ff02::/16.`);
  return group;
}

function hostInUrl(host: string): string {
  if (isIP(host) === 6) return `[${host}]`;
  if (isIP(host) === 4 || isDomainName(host)) return host;
  throw badOption('--host', `${JSON.stringify(host)} is neither a domain name nor an IP address.`);
}

function badOption(option: string, why: string): Failure<OverlayCreateFault> {
  return new Failure<OverlayCreateFault>({ code: 'bad-option', option }, `${option}: ${why}`);
}
