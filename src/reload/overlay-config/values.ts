import { isIP } from 'node:net';
import { badValue, missing } from '#reload/overlay-config/fault.ts';
import { BASE_NAMESPACE } from '#reload/overlay-config/namespaces.ts';
import type { XmlElement } from '#reload/overlay-config/xml.ts';
import { type NodeId, parseNodeId } from '#reload/wire/ids.ts';

/** A child element by its namespace and any of its spellings. */
export interface ChildName {
  readonly namespace: string;
  readonly names: readonly string[];
}

export function base(...names: readonly string[]): ChildName {
  return { namespace: BASE_NAMESPACE, names };
}

export function childrenOf(parent: XmlElement, which: ChildName): readonly XmlElement[] {
  return parent.children.filter((child) => child.namespace === which.namespace && which.names.includes(child.name));
}

/** The child, or undefined when there is none. Two of them are refused: the grammar allows one (RFC 6940 §11.1.1). */
export function optionalChild(parent: XmlElement, which: ChildName): XmlElement | undefined {
  const found = childrenOf(parent, which);
  if (found.length > 1) throw badValue(`element ${which.names[0]}`, 'present at most once');
  return found[0];
}

export function requiredChild(parent: XmlElement, which: ChildName): XmlElement {
  const child = optionalChild(parent, which);
  if (child === undefined) throw missing(`element ${which.names[0]} in ${parent.name}`);
  return child;
}

/** Element content without the white space around it; the RFC's own example pads it. */
export function textOf(element: XmlElement): string {
  return element.text.trim();
}

export interface Range {
  readonly least: number;
  readonly most: number;
}

export function integerOf(text: string, at: string, range: Range): number {
  const trimmed = text.trim();
  const value = /^[+-]?[0-9]{1,15}$/.test(trimmed) ? Number(trimmed) : Number.NaN;
  if (!(value >= range.least && value <= range.most))
    throw badValue(at, `a whole number from ${range.least} to ${range.most}`);
  return value;
}

/** xsd:boolean: four spellings, white space around them, case matters (RFC 6940 §11.1). */
export function booleanOf(text: string, at: string): boolean {
  const trimmed = text.trim();
  if (trimmed === 'true' || trimmed === '1') return true;
  if (trimmed === 'false' || trimmed === '0') return false;
  throw badValue(at, 'true, false, 1 or 0');
}

export function optionalInteger(parent: XmlElement, which: ChildName, range: Range): number | undefined {
  const child = optionalChild(parent, which);
  return child === undefined ? undefined : integerOf(child.text, child.name, range);
}

export function optionalBoolean(parent: XmlElement, which: ChildName): boolean | undefined {
  const child = optionalChild(parent, which);
  return child === undefined ? undefined : booleanOf(child.text, child.name);
}

export function base64Of(element: XmlElement): Uint8Array {
  const compact = element.text.replace(/[ \t\r\n]+/g, '');
  if (compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(compact))
    throw badValue(element.name, 'base64 with the alphabet of RFC 4648 section 4');
  return new Uint8Array(Buffer.from(compact, 'base64'));
}

/** An RFC 3339 time in UTC, as milliseconds since 1970. */
export function utcTimeOf(text: string, at: string): number {
  const value = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]00:00)$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  if (Number.isNaN(value)) throw badValue(at, 'a time in UTC such as 2030-01-01T00:00:00Z');
  return value;
}

export function nodeIdOf(element: XmlElement, lengthInBytes: number): NodeId {
  const id = parseNodeId(textOf(element));
  if (id === undefined || id.length !== 2 * lengthInBytes)
    throw badValue(element.name, `a Node-ID of ${2 * lengthInBytes} hexadecimal digits`);
  return id;
}

/** A name that DNS could hold (RFC 1035 §2.3.1, digits first as RFC 1123 allows), without a final dot. Case is kept. */
export function isDomainName(text: string): boolean {
  return (
    text.length <= 253 &&
    text.split('.').every((label) => /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label))
  );
}

export function domainOf(text: string, at: string): string {
  if (!isDomainName(text)) throw badValue(at, 'a domain name of letters, digits and hyphens');
  return text;
}

export function httpsUrlOf(text: string, at: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '')
    throw badValue(at, 'a URL that starts with https://');
  return text;
}

/** Whether an IP address is that of a multicast group (RFC 5771 §3, RFC 4291 §2.7). */
export function isMulticast(address: string): boolean {
  const first = Number(address.split('.', 1)[0]);
  return address.includes(':') ? /^ff[0-9a-f]{2}:/i.test(address) : first >= 224 && first <= 239;
}

export function ipAddressOf(text: string, at: string): string {
  if (isIP(text) === 0) throw badValue(at, 'an IPv4 or IPv6 address');
  return text;
}
