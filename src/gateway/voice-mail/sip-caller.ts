import type { MessageFacts } from '#gateway/voice-mail/message-file.ts';
import type { IncomingCall } from '#sip/ua/call-engine.ts';

/** What the overlay is called, and whose word on callers counts. */
export interface CallDomains {
  readonly overlay: string;
  readonly pstnDomain: string;
}

/** A name is what its owner likes to be called; a phone shows no more. */
const MAX_NAME = 64;
const MAX_CALLER = 254;

/**
 * Who calls: the certificate of the overlay connection, else the phone that this process's own proxy authenticated. A gateway
 * speaks for numbers (RFC 3325). `facts` are what a message says of its caller: of one who asks for privacy, nothing (RFC 3323).
 */
export function callerOf(
  call: Pick<IncomingCall, 'assertedIdentity' | 'fromName' | 'peer' | 'withheld'>,
  { pstnDomain }: CallDomains,
): { readonly authenticated: string | undefined; readonly facts: MessageFacts } {
  const asserted = /^sips?:([^@;?]+)@([^@;?:]+)/i.exec(call.assertedIdentity ?? '');
  const name = asserted === null ? undefined : `${asserted[1]}@${asserted[2]?.toLowerCase()}`;
  const authenticated = call.peer?.name ?? name;
  const isGateway = call.peer?.name.toLowerCase().endsWith(`@${pstnDomain.toLowerCase()}`) ?? false;
  const shown = (isGateway ? asserted?.[1] : authenticated) ?? 'unavailable';
  const facts = call.withheld
    ? { caller: 'withheld', callerName: undefined, line: undefined }
    : { caller: shown.slice(0, MAX_CALLER), callerName: call.fromName?.slice(0, MAX_NAME), line: undefined };
  return { authenticated, facts };
}
