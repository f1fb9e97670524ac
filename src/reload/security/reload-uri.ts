import { fromHex, toHex } from '#platform/bytes.ts';
import { isDomainName } from '#reload/overlay-config/values.ts';
import { decode, encode, untilEnd } from '#reload/wire/codec.ts';
import { type Destination, destination, nodeDestination } from '#reload/wire/destination.ts';
import { type NodeId, parseNodeId } from '#reload/wire/ids.ts';
import { isWireFailure } from '#reload/wire/reader.ts';

/** What a RELOAD URI names (RFC 6940 §14.15): the peer at the end of the list, or with `specifier` a value it stores. */
export interface ReloadUri {
  readonly destinations: readonly Destination[];
  readonly overlayName: string;
  /** An encoded StoredDataSpecifier. */
  readonly specifier?: Uint8Array;
}

export interface NodeUri {
  readonly nodeId: NodeId;
  readonly overlayName: string;
}

/** Longer ones are not read. */
const MAX_LENGTH = 512;
const destinationList = untilEnd(destination);

/** `reload://<destinations>@<overlay>/[<specifier>]`, both in lower-case hexadecimal. */
export function printReloadUri({ destinations, overlayName, specifier }: ReloadUri): string {
  const node = destinations.find(({ type }) => type === 'node');
  const list = encode(destinationList, destinations, node?.type === 'node' ? { nodeIdLength: node.id.length / 2 } : {});
  return `reload://${toHex(list)}@${overlayName}/${specifier === undefined ? '' : toHex(specifier)}`;
}

/** Reads any RELOAD URI of at most 512 characters; a missing slash at the end is taken. Undefined for anything else. */
export function parseReloadUri(uri: string): ReloadUri | undefined {
  const parts = partsOf(uri);
  const list = parts === undefined ? undefined : fromHex(parts.digits);
  const specifier = parts?.path === '' ? undefined : fromHex(parts?.path ?? '');
  if (parts === undefined || list === undefined || (parts.path !== '' && specifier === undefined)) return undefined;
  const destinations = destinationsIn(list);
  if (destinations === undefined) return undefined;
  return { destinations, overlayName: parts.overlayName, ...(specifier === undefined ? {} : { specifier }) };
}

/** The URI of one node, as certificates have it (RFC 6940 §11.3). */
export function printNodeUri({ nodeId, overlayName }: NodeUri): string {
  return printReloadUri({ destinations: [nodeDestination(nodeId)], overlayName });
}

/**
 * Reads the URI of one node. Beside the RFC's form this takes a bare Node-ID, as one implementation writes it; undefined for anything
 * else, URIs of values and of several destinations included.
 */
export function parseNodeUri(uri: string): NodeUri | undefined {
  const parts = partsOf(uri);
  if (parts === undefined || parts.path !== '') return undefined;
  const { digits, overlayName } = parts;
  const [first, ...more] = parseReloadUri(uri)?.destinations ?? [];
  const named = first?.type === 'node' && more.length === 0 ? first.id : undefined;
  const nodeId = named ?? (digits.length === 32 ? parseNodeId(digits) : undefined);
  return nodeId === undefined ? undefined : { nodeId, overlayName };
}

function partsOf(
  uri: string,
): { readonly digits: string; readonly overlayName: string; readonly path: string } | undefined {
  if (uri.length > MAX_LENGTH) return undefined;
  const [, digits, overlayName, path = ''] = /^reload:\/\/([0-9a-f]+)@([^/@]+)(?:\/([0-9a-f]*))?$/i.exec(uri) ?? [];
  if (digits === undefined || overlayName === undefined || !isDomainName(overlayName)) return undefined;
  return { digits: digits.toLowerCase(), overlayName, path: path.toLowerCase() };
}

/** Node-IDs of a list may have any of the lengths that an overlay may choose; all have the same. */
function destinationsIn(list: Uint8Array): readonly Destination[] | undefined {
  for (const nodeIdLength of [16, 17, 18, 19, 20]) {
    try {
      const destinations = decode(destinationList, list, { nodeIdLength });
      if (destinations.length > 0) return destinations;
    } catch (thrown) {
      if (!isWireFailure(thrown)) throw thrown;
    }
  }
  return undefined;
}
