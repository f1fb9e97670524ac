import { toHex } from '#platform/bytes.ts';
import type { Codec } from '#reload/wire/codec.ts';
import { located, type Reader, wireFailure } from '#reload/wire/reader.ts';
import { requireObject, type Writer } from '#reload/wire/writer.ts';

/**
 * An IP address and port (RFC 6940 §6.3.1.1). IPv4 in dotted decimal; IPv6 as RFC 5952 writes it.
 * Types of later standards can be skipped, since the structure has a length: they are kept as bytes.
 */
export type IpAddressPort =
  | { readonly type: 'ipv4' | 'ipv6'; readonly address: string; readonly port: number }
  | { readonly type: 'unknown'; readonly code: number; readonly data: Uint8Array };

const IPV4 = 1;
const IPV6 = 2;
const plain = { type: 'plain' } as const;
const known = { type: 'struct', fields: { address: plain, port: plain } } as const;

export const ipAddressPort: Codec<IpAddressPort> = {
  shape: {
    type: 'union',
    tag: 'type',
    cases: { ipv4: known, ipv6: known, unknown: { type: 'struct', fields: { code: plain, data: { type: 'bytes' } } } },
  },
  read(reader) {
    const code = reader.u8();
    const outer = reader.enter(reader.u8());
    const value = readAddress(reader, code);
    reader.leave(outer);
    return value;
  },
  write(writer, value) {
    requireObject(value);
    if (value.type === 'unknown') {
      if (value.code <= IPV6) throw wireFailure('bad-value', 'type 0 is invalid, 1 is ipv4 and 2 is ipv6', 'code');
      writer.u8(value.code);
      writer.opaque(1, value.data);
      return;
    }
    writeAddress(writer, value);
  },
};

function readAddress(reader: Reader, code: number): IpAddressPort {
  if (code === 0) throw wireFailure('bad-value', 'address type 0 is invalid', 'type');
  if (code > IPV6) return { type: 'unknown', code, data: reader.rest() };
  const type = code === IPV4 ? 'ipv4' : 'ipv6';
  try {
    const bytes = reader.raw(code === IPV4 ? 4 : 16);
    return { type, address: code === IPV4 ? bytes.join('.') : formatIpv6(bytes), port: reader.u16() };
  } catch (thrown) {
    throw located(thrown, type);
  }
}

function writeAddress(writer: Writer, value: Extract<IpAddressPort, { address: string }>): void {
  const bytes = value.type === 'ipv4' ? parseIpv4(value.address) : parseIpv6(value.address);
  if (bytes === undefined) throw wireFailure('bad-value', `not an ${value.type} address`, 'address');
  writer.u8(value.type === 'ipv4' ? IPV4 : IPV6);
  writer.u8(bytes.length + 2);
  writer.raw(bytes);
  writer.u16(value.port);
}

/** Four numbers 0..255 in decimal; undefined for anything else. */
function parseIpv4(text: string): Uint8Array | undefined {
  const parts = String(text).split('.', 5);
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)) return undefined;
  return Uint8Array.from(parts, Number);
}

/** Hexadecimal groups with at most one `::`, the last four bytes perhaps in dotted decimal; undefined for anything else. */
export function parseIpv6(text: string): Uint8Array | undefined {
  if (typeof text !== 'string' || text.length > 45) return undefined;
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? '');
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? '') : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 2 ? missing < 2 : missing !== 0) return undefined;
  return Uint8Array.from([...head, ...new Array<number>(missing).fill(0), ...tail]);
}

function parseGroups(text: string): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  const groups = text.split(':');
  for (const [i, group] of groups.entries()) {
    const ipv4 = i === groups.length - 1 && group.includes('.') ? parseIpv4(group) : undefined;
    if (ipv4 !== undefined) bytes.push(...ipv4);
    else if (/^[0-9a-fA-F]{1,4}$/.test(group))
      bytes.push(Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff);
    else return undefined;
  }
  return bytes;
}

/** RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups (the first of equals) as `::`. */
export function formatIpv6(bytes: Uint8Array): string {
  const hex = toHex(bytes);
  const groups = Array.from({ length: 8 }, (_, i) => Number.parseInt(hex.slice(4 * i, 4 * i + 4), 16).toString(16));
  let best = { start: 0, length: 1 };
  for (let start = 0; start < 8; start += 1) {
    let length = 0;
    while (groups[start + length] === '0') length += 1;
    if (length > best.length) best = { start, length };
  }
  if (best.length === 1) return groups.join(':');
  return `${groups.slice(0, best.start).join(':')}::${groups.slice(best.start + best.length).join(':')}`;
}
