import { list16, u16 } from '#reload/wire/codec.ts';
import { iceCandidate } from '#reload/wire/ice-candidate.ts';
import { struct } from '#reload/wire/struct.ts';
import { ascii8 } from '#reload/wire/text.ts';

/** Body of an AppAttach request and of its answer (RFC 6940 §6.5.2). `application` is for example 5060 for SIP. */
export const appAttach = struct({
  ufrag: ascii8,
  password: ascii8,
  application: u16,
  role: ascii8,
  candidates: list16(iceCandidate),
});
