import { ipAddressPort } from '#reload/wire/address.ts';
import { u8 } from '#reload/wire/codec.ts';
import { struct } from '#reload/wire/struct.ts';

/** One of the places where a TURN server publishes itself (RFC 6940 §9). */
export const turnServer = struct({ iteration: u8, serverAddress: ipAddressPort });
