import { utf8 } from '#platform/bytes.ts';

/** What waits in a mailbox. */
export interface MailSummary {
  readonly new: number;
  readonly old: number;
}

export const EVENT_PACKAGE = 'message-summary';
export const SUMMARY_TYPE = 'application/simple-message-summary';

/** RFC 3842 §3.5. */
const HIGHEST_COUNT = 2 ** 32 - 1;

/** The body of a NOTIFY (RFC 3842 §5.2). `account` is the URI that a phone calls to listen. */
export function printSummary(summary: MailSummary, account: string): Uint8Array {
  const fresh = Math.min(summary.new, HIGHEST_COUNT);
  const old = Math.min(summary.old, HIGHEST_COUNT);
  const lines = [
    `Messages-Waiting: ${fresh > 0 ? 'yes' : 'no'}`,
    `Message-Account: ${account}`,
    `Voice-Message: ${fresh}/${old} (0/0)`,
  ];
  return utf8(`${lines.join('\r\n')}\r\n`);
}
