import { isIPv6 } from 'node:net';
import type { MediaSession } from '#media/session.ts';
import type { Clock } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import type { NewField } from '#sip/message/headers.ts';
import type { SipMessage } from '#sip/message/message.ts';
import { parseUri, unbracketed } from '#sip/message/uri.ts';
import { sentBy } from '#sip/transaction/identifiers.ts';
import type { TransactionLayer } from '#sip/transaction/layer.ts';
import type { Flow } from '#sip/transport/flow.ts';

/** Opens the media side of one call leg on a local IP address. */
export type CreateMedia = (options: { readonly address: string }) => Promise<MediaSession>;

export interface UaDeps {
  readonly transactions: TransactionLayer;
  readonly createMedia: CreateMedia;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface UaOptions {
  /** Local addresses of media for calls over overlay connections, and when the far end's media has the other IP version. */
  readonly mediaAddresses: { readonly ipv4?: string; readonly ipv6?: string };
  readonly userAgent: string;
  /** How long an INVITE may go without a final answer, both ways, in milliseconds. */
  readonly answerTimeoutMs: number;
  /** Incoming and outgoing calls at a time. */
  readonly maxCalls: number;
}

/** What all calls of one engine share. */
export interface UaContext extends UaDeps {
  readonly options: UaOptions;
}

export const ALLOWED_METHODS = 'INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO';
export const SDP_TYPE = 'application/sdp';

/** The Contact of messages that leave over `flow`: in-dialog requests come back to this element (RFC 3261 §8.1.1.8). */
export function contactFor(flow: Flow, localUri: string): string {
  const user = parseUri(localUri, 'URI')?.user;
  const transport = flow.transport === 'TCP' ? ';transport=tcp' : '';
  return `<sip:${user === undefined ? '' : `${user}@`}${sentBy(flow)}${transport}>`;
}

export function commonFields(context: UaContext, flow: Flow, localUri: string): NewField[] {
  return [
    ['Contact', contactFor(flow, localUri)],
    ['Allow', ALLOWED_METHODS],
    ['User-Agent', context.options.userAgent],
  ];
}

/** The session description in a message, or undefined when there is none. */
export function descriptionIn(message: SipMessage): string | undefined {
  if (message.body.length === 0) return undefined;
  const type = (message.headers.value('Content-Type') ?? '').split(';', 1)[0]?.trim().toLowerCase();
  return type === SDP_TYPE ? Buffer.from(message.body).toString('utf8') : undefined;
}

/** A local address for media that the far end can reach: the IP version of its offer, else that of the signalling. */
export function mediaAddress(context: UaContext, flow: Flow, offer: string | undefined): string {
  const { ipv4, ipv6 } = context.options.mediaAddresses;
  const signalling = flow.peer === undefined ? unbracketed(flow.localHost) : undefined;
  const wantsIPv6 = offer === undefined ? signalling !== undefined && isIPv6(signalling) : /^c=IN IP6 /m.test(offer);
  const fitting = signalling !== undefined && isIPv6(signalling) === wantsIPv6 ? signalling : undefined;
  return fitting ?? (wantsIPv6 ? (ipv6 ?? '::1') : (ipv4 ?? '127.0.0.1'));
}

/** Runs `work` so that nothing it throws escapes; the failure is logged. */
export function logged(log: Logger, what: string, work: () => void): void {
  try {
    work();
  } catch (thrown) {
    log.warn(`${what} failed`, { reason: messageOf(thrown) });
  }
}
