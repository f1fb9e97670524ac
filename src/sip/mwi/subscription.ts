import { type Dialog, nextRequest, receivedRequest, refreshedTarget } from '#sip/dialog/dialog.ts';
import type { NewField } from '#sip/message/headers.ts';
import type { SipRequest } from '#sip/message/message.ts';
import { EVENT_PACKAGE, type MailSummary, printSummary, SUMMARY_TYPE } from '#sip/mwi/summary.ts';
import type { Flow } from '#sip/transport/flow.ts';

/** A subscription to one mailbox as the notifier knows it (RFC 6665 §4.2). A value: what happens gives a new one. */
export interface Subscription {
  readonly aor: string;
  readonly dialog: Dialog;
  readonly flow: Flow;
  /** The `id` parameter of Event, which tells subscriptions of one dialog apart. */
  readonly eventId: string | undefined;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Why a subscription is over (RFC 6665 §4.1.3); undefined while it is not. */
export type Termination = 'timeout' | 'deactivated' | 'noresource';

export interface Notice {
  readonly summary: MailSummary;
  /** The URI a phone calls to listen. */
  readonly account: string;
  readonly contact: string;
  readonly terminated: Termination | undefined;
}

/** A SUBSCRIBE within the dialog; undefined when it is older than one before. */
export function refreshed(
  subscription: Subscription,
  request: SipRequest,
  change: { readonly flow: Flow; readonly expiresAt: number },
): Subscription | undefined {
  const dialog = receivedRequest(subscription.dialog, request);
  return dialog && { ...subscription, ...change, dialog: refreshedTarget(dialog, request) };
}

/** The next NOTIFY of a subscription, which holds the whole state (RFC 6665 §4.2.2, RFC 3842 §3.8). */
export function notify(
  subscription: Subscription,
  notice: Notice,
  now: number,
): { readonly request: SipRequest; readonly subscription: Subscription } {
  const left = Math.max(0, Math.ceil((subscription.expiresAt - now) / 1000));
  const state = notice.terminated === undefined ? `active;expires=${left}` : `terminated;reason=${notice.terminated}`;
  const { request, dialog } = nextRequest(
    subscription.dialog,
    'NOTIFY',
    noticeFields(state, notice.contact, subscription.eventId),
  );
  const body = printSummary(notice.summary, notice.account);
  return { request: request.with({ body }), subscription: { ...subscription, dialog } };
}

export function noticeFields(state: string, contact: string, eventId?: string): NewField[] {
  return [
    ['Contact', contact],
    ['Event', eventId === undefined ? EVENT_PACKAGE : `${EVENT_PACKAGE};id=${eventId}`],
    ['Subscription-State', state],
    ['Content-Type', SUMMARY_TYPE],
  ];
}
