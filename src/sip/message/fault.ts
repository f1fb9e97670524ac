import { Failure } from '#platform/failure.ts';

/**
 * Why bytes are not a SIP message this element can work with. `status` is the answer a request deserves
 * (RFC 3261 §21.4); `at` names the header field or the part of the message.
 */
export type SipMessageFault =
  | { readonly code: 'malformed'; readonly status: 400; readonly at: string }
  | { readonly code: 'unsupported-version'; readonly status: 505; readonly at: string }
  | { readonly code: 'too-large'; readonly status: 513; readonly at: string };

export function malformed(at: string, detail: string): Failure<SipMessageFault> {
  return new Failure<SipMessageFault>({ code: 'malformed', status: 400, at }, `SIP ${at} is malformed: ${detail}`);
}
