import { type Infer, list8, opaque16, u16, u32 } from '#reload/wire/codec.ts';
import { struct } from '#reload/wire/struct.ts';

/**
 * Body of an error response (RFC 6940 §6.3.3.1). `info` is UTF-8 text for most codes, an encoded StoreAns for
 * Error_Generation_Counter_Too_Low and an `unknownKinds` for Error_Unknown_Kind.
 */
export const errorResponse = struct({ code: u16, info: opaque16 });
export type ErrorResponse = Infer<typeof errorResponse>;

/** The Kinds a peer does not know, as Error_Unknown_Kind lists them (RFC 6940 §7.4.1.2). */
export const unknownKinds = list8(u32);
