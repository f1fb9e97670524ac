import { bool, list16 } from '#reload/wire/codec.ts';
import { iceCandidate } from '#reload/wire/ice-candidate.ts';
import { struct } from '#reload/wire/struct.ts';
import { ascii8 } from '#reload/wire/text.ts';

/**
 * Body of an Attach request and of its answer (RFC 6940 §6.5.1.1). `role` is "passive" in the request and "active" in
 * the answer; `ufrag` and `password` are empty without ICE.
 */
export const attach = struct({
  ufrag: ascii8,
  password: ascii8,
  role: ascii8,
  candidates: list16(iceCandidate),
  sendUpdate: bool,
});
