import { opaque24, u8, u32 } from '#reload/wire/codec.ts';
import { select, struct } from '#reload/wire/struct.ts';

/**
 * What travels on a link (RFC 6940 §6.6.2). `received` has bit N-M set for each earlier frame M of N, the acknowledged
 * one, that arrived, with 0 < N-M < 32.
 */
export const framedMessage = select('type', u8, {
  data: [0x80, struct({ sequence: u32, message: opaque24 })],
  ack: [0x81, struct({ ackSequence: u32, received: u32 })],
});
