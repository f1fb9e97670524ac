import { type Aor, parseAor } from '#reload/usages/sip/aor.ts';
import { decode, encode, untilEnd } from '#reload/wire/codec.ts';
import { type Destination, destination } from '#reload/wire/destination.ts';

/** A URI that reaches one instance of a user agent without anything stored in the overlay (RFC 7904 §6). */
export interface Gruu {
  readonly aor: Aor;
  /** At least one. */
  readonly destinations: readonly Destination[];
}

/** Destinations one after the other, without a count. */
const destinations = untilEnd(destination);

const MAX_VALUE = 2048;

export function printGruu({ aor, destinations: list }: Gruu): string {
  return `sip:${aor};gr=${encodeGr(list)}`;
}

/** Undefined unless the URI has a `gr` parameter that is a Destination List. Whether its domain is ours, the caller judges. */
export function parseGruu(uri: string): Gruu | undefined {
  const aor = parseAor(uri);
  const value = grOf(uri);
  const list = value === undefined ? undefined : decodeGr(value);
  return aor === undefined || list === undefined ? undefined : { aor, destinations: list };
}

/** Base64 (RFC 4648 §4) with `~` for the pad, which a URI parameter could not hold. */
export function encodeGr(list: readonly Destination[]): string {
  return Buffer.from(encode(destinations, list)).toString('base64').replaceAll('=', '~');
}

/** Strict: Node's own decoder takes other alphabets and skips what it does not know. */
export function decodeGr(value: string): readonly Destination[] | undefined {
  if (value.length === 0 || value.length > MAX_VALUE || !/^[A-Za-z0-9+/]+~{0,2}$/.test(value)) return undefined;
  const base64 = value.replaceAll('~', '=');
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.toString('base64') !== base64) return undefined;
  try {
    return decode(destinations, new Uint8Array(bytes));
  } catch {
    return undefined;
  }
}

/** The value keeps its case; the name of the parameter has none (RFC 3261 §19.1.4). */
function grOf(uri: string): string | undefined {
  const host = uri.slice(uri.indexOf('@') + 1).split('?', 1)[0] ?? '';
  const parameters = host.split(';', 65).slice(1);
  const found = parameters.find((parameter) => /^gr=/i.test(parameter));
  if (found === undefined) return undefined;
  try {
    return decodeURIComponent(found.slice(3));
  } catch {
    return undefined;
  }
}
