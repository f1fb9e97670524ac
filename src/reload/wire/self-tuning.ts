import { u32 } from '#reload/wire/codec.ts';
import { struct } from '#reload/wire/struct.ts';

/** Contents of the message extension self_tuning_data (RFC 7363 §6.5); rates in peers a day. */
export const selfTuningData = struct({ networkSize: u32, joinRate: u32, leaveRate: u32 });
