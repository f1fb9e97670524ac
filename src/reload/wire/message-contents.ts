import { bool, type Infer, list32, opaque32, u16 } from '#reload/wire/codec.ts';
import { struct } from '#reload/wire/struct.ts';

/** An extension of a message; types nobody here knows are kept as they came (RFC 6940 §6.3.3). */
export const messageExtension = struct({ type: u16, critical: bool, contents: opaque32 });
export type MessageExtension = Infer<typeof messageExtension>;

/** The part of a message that its signature covers, with the body still encoded (RFC 6940 §6.3.3). */
export const messageContents = struct({ code: u16, body: opaque32, extensions: list32(messageExtension) });
export type MessageContents = Infer<typeof messageContents>;
