import { isDomainName } from '#reload/overlay-config/values.ts';
import { type NodeId, parseNodeId } from '#reload/wire/ids.ts';

export interface NodeUri {
  readonly nodeId: NodeId;
  readonly overlayName: string;
}

/** `reload://0110<id>@overlay/`: a Destination List of one node entry in hexadecimal (RFC 6940 §14.15, §11.3). */
export function printNodeUri({ nodeId, overlayName }: NodeUri): string {
  const length = (nodeId.length / 2).toString(16).padStart(2, '0');
  return `reload://01${length}${nodeId}@${overlayName}/`;
}

/**
 * Reads the URI of one node. Beside the RFC's form this takes a bare Node-ID, as one implementation writes it, and a missing
 * slash at the end; undefined for anything else, further path or several destinations included.
 */
export function parseNodeUri(uri: string): NodeUri | undefined {
  if (uri.length > 512) return undefined;
  const [, digits, overlayName] = /^reload:\/\/([0-9a-fA-F]+)@([^/@]+)\/?$/i.exec(uri) ?? [];
  if (digits === undefined || overlayName === undefined || !isDomainName(overlayName)) return undefined;
  const nodeId = destinationId(digits) ?? bareId(digits);
  return nodeId === undefined ? undefined : { nodeId, overlayName };
}

function destinationId(digits: string): NodeId | undefined {
  const id = digits.slice(4);
  return Number.parseInt(digits.slice(0, 2), 16) === 1 && Number.parseInt(digits.slice(2, 4), 16) === id.length / 2
    ? parseNodeId(id)
    : undefined;
}

function bareId(digits: string): NodeId | undefined {
  return digits.length === 32 ? parseNodeId(digits) : undefined;
}
