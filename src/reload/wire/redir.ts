import { type Infer, list16, opaque16, u8, u16 } from '#reload/wire/codec.ts';
import { destination } from '#reload/wire/destination.ts';
import { struct } from '#reload/wire/struct.ts';
import { text16 } from '#reload/wire/text.ts';

/**
 * A provider's entry in one tree node of a service's ReDiR tree (RFC 7374 §4.5). `type` says what the extension holds,
 * 0 nothing; unknown types are kept.
 */
export const redirServiceProvider = struct({
  type: u8,
  destinationList: list16(destination),
  namespace: text16,
  level: u16,
  node: u16,
  extension: opaque16,
});
export type RedirServiceProvider = Infer<typeof redirServiceProvider>;
