import { Headers, type NewField } from '#sip/message/headers.ts';
import { SipRequest, type SipResponse } from '#sip/message/message.ts';
import { parseNameAddress } from '#sip/message/name-address.ts';
import { parseUri } from '#sip/message/uri.ts';

/** A dialog as one end knows it (RFC 3261 §12). A value: what happens gives a new one. */
export interface Dialog {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  /** From and To of requests sent in it, without tags. */
  readonly localAddress: string;
  readonly remoteAddress: string;
  /** Request-URI of requests sent in it. */
  readonly remoteTarget: string;
  /** Route values as they are printed, nearest first. */
  readonly routeSet: readonly string[];
  readonly localSequence: number;
  readonly remoteSequence: number | undefined;
}

/** The caller's dialog, from its INVITE and a response with a tag (RFC 3261 §12.1.2). */
export function callerDialog(invite: SipRequest, response: SipResponse): Dialog {
  return {
    callId: invite.callId,
    localTag: invite.fromTag ?? '',
    remoteTag: response.toTag ?? '',
    localAddress: withoutTag(invite.headers.value('From') ?? ''),
    remoteAddress: withoutTag(response.headers.value('To') ?? ''),
    remoteTarget: contactUri(response) ?? invite.uri,
    routeSet: response.headers.list('Record-Route').reverse(),
    localSequence: invite.cseq.number,
    remoteSequence: undefined,
  };
}

/** The called side's dialog (RFC 3261 §12.1.1). */
export function calledDialog(invite: SipRequest, localTag: string): Dialog {
  return {
    callId: invite.callId,
    localTag,
    remoteTag: invite.fromTag ?? '',
    localAddress: withoutTag(invite.headers.value('To') ?? ''),
    remoteAddress: withoutTag(invite.headers.value('From') ?? ''),
    remoteTarget: contactUri(invite) ?? parseNameAddress(invite.headers.value('From') ?? '', 'From').uri,
    routeSet: invite.headers.list('Record-Route'),
    localSequence: 0,
    remoteSequence: invite.cseq.number,
  };
}

/** The next request in the dialog (RFC 3261 §12.2.1.1). */
export function nextRequest(
  dialog: Dialog,
  method: string,
  fields: readonly NewField[] = [],
): { readonly request: SipRequest; readonly dialog: Dialog } {
  const localSequence = dialog.localSequence + 1;
  return { request: buildRequest(dialog, method, localSequence, fields), dialog: { ...dialog, localSequence } };
}

/** The ACK of a 2xx; it has the sequence number of its INVITE (RFC 3261 §13.2.2.4). */
export function acknowledgement(dialog: Dialog, inviteSequence: number, fields: readonly NewField[] = []): SipRequest {
  return buildRequest(dialog, 'ACK', inviteSequence, fields);
}

/** Takes a request of the far end into account; undefined when it is older than one before (RFC 3261 §12.2.2). */
export function receivedRequest(dialog: Dialog, request: SipRequest): Dialog | undefined {
  const { number } = request.cseq;
  if (dialog.remoteSequence !== undefined && number <= dialog.remoteSequence) return undefined;
  return { ...dialog, remoteSequence: number };
}

/** INVITE and UPDATE move the remote target to their Contact (RFC 3261 §12.2, RFC 3311 §5.2). */
export function refreshedTarget(dialog: Dialog, message: SipRequest | SipResponse): Dialog {
  const target = contactUri(message);
  return target === undefined ? dialog : { ...dialog, remoteTarget: target };
}

/** The URI whose host a request is sent to: its first Route, else its Request-URI (RFC 3261 §8.1.2). */
export function nextHopUri(request: SipRequest): string {
  const route = request.headers.first('Route');
  return route === undefined ? request.uri : parseNameAddress(route, 'Route').uri;
}

function buildRequest(dialog: Dialog, method: string, sequence: number, fields: readonly NewField[]): SipRequest {
  const { uri, routes } = routing(dialog);
  const headers = Headers.of([
    ...routes.map((route): NewField => ['Route', route]),
    ['Max-Forwards', '70'],
    ['From', `${dialog.localAddress};tag=${dialog.localTag}`],
    ['To', dialog.remoteTag === '' ? dialog.remoteAddress : `${dialog.remoteAddress};tag=${dialog.remoteTag}`],
    ['Call-ID', dialog.callId],
    ['CSeq', `${sequence} ${method}`],
    ...fields,
  ]);
  return new SipRequest({ method, uri, headers });
}

function routing(dialog: Dialog): { readonly uri: string; readonly routes: readonly string[] } {
  const [first, ...others] = dialog.routeSet;
  if (first === undefined) return { uri: dialog.remoteTarget, routes: [] };
  const { uri } = parseNameAddress(first, 'Record-Route');
  const isLoose = parseUri(uri, 'Record-Route')?.parameters.has('lr') ?? false;
  // A strict router of RFC 2543 wants itself in the Request-URI and the target at the end of the routes.
  return isLoose
    ? { uri: dialog.remoteTarget, routes: dialog.routeSet }
    : { uri, routes: [...others, `<${dialog.remoteTarget}>`] };
}

function contactUri(message: SipRequest | SipResponse): string | undefined {
  const contact = message.headers.first('Contact');
  return contact === undefined || contact === '*' ? undefined : parseNameAddress(contact, 'Contact').uri;
}

/** The address without its tag parameter; everything else stays as written. */
function withoutTag(value: string): string {
  const { uri, parameters } = parseNameAddress(value, 'From');
  if (!parameters.has('tag')) return value;
  const end = value.includes('<') ? value.indexOf('>', value.indexOf(`<${uri}`)) + 1 : value.indexOf(uri) + uri.length;
  return value.slice(0, end);
}
