import { parseUri, unbracketed } from '#sip/message/uri.ts';
import type { SipTarget } from '#sip/ua/call-engine.ts';

/** Where a sip: URI points to (RFC 3263 §4 without DNS service records): undefined when no socket here can reach it. */
export function targetOf(uri: string): Extract<SipTarget, { host: string }> | undefined {
  const parsed = parseUri(uri, 'URI');
  if (parsed === undefined || parsed.scheme !== 'sip') return undefined;
  const transport = parsed.parameters.get('transport')?.toLowerCase() ?? 'udp';
  if (transport !== 'udp' && transport !== 'tcp') return undefined;
  return { transport, host: unbracketed(parsed.host), port: parsed.port ?? 5060 };
}
