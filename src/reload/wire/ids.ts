import { createHash } from 'node:crypto';
import { fromHex, toHex } from '#platform/bytes.ts';

declare const brand: unique symbol;

/** A Node-ID as lower-case hex (RFC 6940 §6.3.1.1): 32 digits for the 16 bytes that CHORD-RELOAD uses, so that `<` compares numerically. */
export type NodeId = string & { readonly [brand]: 'NodeId' };
/** A Resource-ID as lower-case hex; 32 digits under CHORD-RELOAD (RFC 6940 §10.2), up to 508 on the wire. */
export type ResourceId = string & { readonly [brand]: 'ResourceId' };

export const NODE_ID_LENGTH = 16;
/** Delivered to whichever node receives it, never forwarded (RFC 6940 §6.1.1). */
export const WILDCARD_NODE_ID = 'f'.repeat(2 * NODE_ID_LENGTH) as NodeId;
/** Never on the wire (RFC 6940 §3). */
export const ZERO_NODE_ID = '0'.repeat(2 * NODE_ID_LENGTH) as NodeId;

/** Parses 32 to 40 hex digits, of an even number; undefined for anything else. */
export function parseNodeId(text: string): NodeId | undefined {
  return /^(?:[0-9a-f]{2}){16,20}$/i.test(text) ? (text.toLowerCase() as NodeId) : undefined;
}

export function nodeIdOf(bytes: Uint8Array): NodeId {
  return toHex(bytes) as NodeId;
}

export function resourceIdOf(bytes: Uint8Array): ResourceId {
  return toHex(bytes) as ResourceId;
}

export function idBytes(id: NodeId | ResourceId): Uint8Array {
  return fromHex(id) ?? new Uint8Array();
}

/** The Resource-ID of a Resource Name: the first 128 bits of its SHA-1 (RFC 6940 §10.2). */
export function hashToResourceId(name: Uint8Array | string): ResourceId {
  return createHash('sha1').update(name).digest('hex').slice(0, 32) as ResourceId;
}

/** The overlay field of the forwarding header: the last four bytes of SHA-1 of the overlay name (RFC 6940 §6.3.2). */
export function overlayHash(overlayName: string): number {
  return createHash('sha1').update(overlayName).digest().readUInt32BE(16);
}
