/** What a Request-URI wants of voice mail. */
export type MailboxRequest =
  /** The owner calls to listen. */
  | { readonly want: 'listen' }
  /** To leave a message for a user (RFC 4458 §2: the parameter `target`). */
  | { readonly want: 'leave'; readonly user: string };

export interface MailboxAddressOptions {
  readonly overlay: string;
  /** What phones dial, digits with * and #. */
  readonly number: string;
}

const MAX_URI = 1024;
/** The user part of voice mail's address in any overlay. */
const MAILBOX_USER = 'voicemail';

/** Reads a Request-URI; undefined when it is not voice mail's address. */
export function readMailboxAddress(requestUri: string, options: MailboxAddressOptions): MailboxRequest | undefined {
  if (requestUri.length > MAX_URI) return undefined;
  const parts = /^sips?:([^@;?]{1,64})(?:;[^@?]*)?@([^;?]+)((?:;[^?]*)?)/i.exec(requestUri);
  if (parts === null) return undefined;
  const [, userPart = '', place = '', parameters = ''] = parts;
  const user = decoded(userPart);
  const host = place.replace(/:\d{1,5}$/, '').toLowerCase();
  if (user === options.number) return { want: 'listen' };
  if (user?.toLowerCase() !== MAILBOX_USER || host !== options.overlay) return undefined;
  const target = /;target=([^;]*)/i.exec(parameters)?.[1];
  if (target === undefined) return { want: 'listen' };
  const aor = decoded(target)?.replace(/^sips?:/i, '');
  return aor === undefined ? undefined : { want: 'leave', user: aor };
}

/** For a caller whom `user` did not answer (RFC 4458 §2, the cause of a user who is not registered). */
export function leaveAddress(user: string, overlay: string): string {
  return `sip:${MAILBOX_USER}@${overlay};target=${encodeURIComponent(`sip:${user}`)};cause=404`;
}

export function listenAddress(overlay: string): string {
  return `sip:${MAILBOX_USER}@${overlay}`;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
