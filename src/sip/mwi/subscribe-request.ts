import { Cursor } from '#sip/message/cursor.ts';
import type { SipRequest } from '#sip/message/message.ts';
import { parseParameters } from '#sip/message/parameters.ts';
import { parseSeconds } from '#sip/message/scalars.ts';
import { addressOfRecord, parseUri } from '#sip/message/uri.ts';
import { EVENT_PACKAGE, SUMMARY_TYPE } from '#sip/mwi/summary.ts';

/** The event package a request speaks of, with its `id`; undefined without a readable one. */
export function eventOf(request: SipRequest): { readonly name: string; readonly id: string | undefined } | undefined {
  const value = request.headers.value('Event');
  if (value === undefined) return undefined;
  const cursor = new Cursor(value, 'Event');
  const name = cursor.token('an event package');
  cursor.skipSpace();
  return { name, id: parseParameters(cursor).get('id') };
}

/** Whether it asks for message waiting. Throws `Failure<SipMessageFault>` when its Event is malformed. */
export function isMailSubscription(request: SipRequest): boolean {
  return request.method === 'SUBSCRIBE' && eventOf(request)?.name.toLowerCase() === EVENT_PACKAGE;
}

/** Without Accept the default body is meant (RFC 3842 §3.5). */
export function acceptsSummary(request: SipRequest): boolean {
  const accepted = request.headers.list('Accept');
  if (accepted.length === 0) return true;
  const types = accepted.map((type) => (type.split(';', 1)[0] ?? '').trim().toLowerCase());
  return types.some((type) => type === SUMMARY_TYPE || type === '*/*' || type === 'application/*');
}

/** Seconds asked for; an hour when it says nothing (RFC 3842 §3.4). */
export function secondsAsked(request: SipRequest): number {
  const stated = request.headers.value('Expires');
  return stated === undefined ? 3600 : parseSeconds(stated, 'Expires');
}

/** Whose mailbox: the one addressed, else the subscriber's own, of those that may be asked for. */
export function mailboxAsked(request: SipRequest, allowed: readonly string[]): string | undefined {
  const addressed = [request.uri, request.to.uri, request.from.uri].flatMap((text) => {
    const uri = parseUri(text, 'URI');
    return uri === undefined ? [] : [addressOfRecord(uri)];
  });
  return addressed.find((aor) => allowed.includes(aor));
}
