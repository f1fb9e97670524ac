import { isIPv6 } from 'node:net';
import * as z from 'zod/mini';

/** An address to bind or to reach. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Parses `host:port` or `[ipv6]:port`; undefined for anything else. */
export function parseHostPort(text: string): HostPort | undefined {
  const colon = text.lastIndexOf(':');
  const digits = text.slice(colon + 1);
  const bracketed = text.startsWith('[') && text[colon - 1] === ']';
  const host = bracketed ? text.slice(1, colon - 1) : text.slice(0, colon);
  const port = Number(digits);
  if (colon < 1 || !/^\d{1,5}$/.test(digits) || port > 65_535) return undefined;
  if (bracketed ? !isIPv6(host) : !/^[0-9A-Za-z.-]{1,253}$/.test(host)) return undefined;
  return { host, port };
}

export function printHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** `host:port` in the file, taken apart in the result. */
export const hostPort = z.pipe(
  z
    .string()
    .check(
      z.refine(
        (text) => parseHostPort(text) !== undefined,
        'give host:port, for example "127.0.0.1:5060" or "[::1]:5060"',
      ),
    ),
  z.transform((text: string): HostPort => parseHostPort(text) ?? { host: '', port: 0 }),
);

/** A user of the overlay, `name@domain`, in canonical form (RFC 7904 §3.1: the Resource-ID is a hash of these bytes). */
export const userName = z.pipe(
  z.string().check(
    z.maxLength(254),
    z.refine(
      (text) => /^[0-9A-Za-z.+_-]+@[0-9A-Za-z.-]+$/.test(text),
      'give name@domain, for example "alice@home.example"',
    ),
  ),
  z.transform((text: string): string => {
    const at = text.lastIndexOf('@');
    return text.slice(0, at) + text.slice(at).toLowerCase();
  }),
);

/** Who a rule speaks of: a user, `*@domain`, `*`, or `pin:name`. */
export const userPattern = z
  .string()
  .check(
    z.refine(
      (text) =>
        text === '*' || /^(?:\*|[0-9A-Za-z.+_-]+)@[0-9A-Za-z.-]+$/.test(text) || /^pin:[0-9A-Za-z_-]{1,32}$/.test(text),
      'give a user, "*@domain" for all of a domain, "*" for every member, or "pin:name" for who entered that PIN',
    ),
  );

/** An E.164 number. */
export const e164 = z
  .string()
  .check(z.refine((text) => /^\+[1-9]\d{1,14}$/.test(text), 'give an E.164 number, for example "+4930123456"'));

/** The start of E.164 numbers; "+" alone means all numbers. */
export const e164Prefix = z
  .string()
  .check(
    z.refine(
      (text) => /^\+\d{0,15}$/.test(text),
      'give the start of E.164 numbers, for example "+4930", or "+" for all',
    ),
  );

export const domainName = z.pipe(
  z.string().check(
    z.maxLength(253),
    z.refine(
      (text) => /^[0-9A-Za-z](?:[0-9A-Za-z.-]*[0-9A-Za-z])?$/.test(text),
      'give a domain name, for example "home.example"',
    ),
  ),
  z.transform((text: string): string => text.toLowerCase()),
);

export function whole(least: number, most: number) {
  return z.int().check(z.gte(least), z.lte(most));
}

export const text = z.string().check(z.minLength(1), z.maxLength(1024));
