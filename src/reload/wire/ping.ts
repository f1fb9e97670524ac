import { opaque16, u64 } from '#reload/wire/codec.ts';
import { struct } from '#reload/wire/struct.ts';

/** Body of a Ping request; the padding is anything, to find out what sizes get through (RFC 6940 §6.5.3.1). */
export const pingReq = struct({ padding: opaque16 });

/** Body of the answer; `time` in milliseconds since 1970 (RFC 6940 §6.5.3.2). */
export const pingAns = struct({ responseId: u64, time: u64 });
