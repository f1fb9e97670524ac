import { Cursor, quote, unquote } from '#sip/message/cursor.ts';
import { splitList } from '#sip/message/headers.ts';
import { parseParameters } from '#sip/message/parameters.ts';
import { isMessageFault } from '#sip/message/parser.ts';

/** Why a request or a failure was sent (RFC 3326 §2): `Q.850;cause=17;text="User busy"`. */
export interface Reason {
  /** In upper case: `Q.850` or `SIP`, or another one. */
  readonly protocol: string;
  readonly cause: number | undefined;
  readonly text: string | undefined;
}

/** Values of one field that are read; RFC 3326 §2 allows one for each protocol. */
const MAX_REASONS = 8;
const MAX_TEXT = 128;

/** The reasons in the value of a Reason field. What is malformed is left out: a call ends whatever its reason says. */
export function parseReasons(value: string | undefined): readonly Reason[] {
  if (value === undefined) return [];
  try {
    return splitList(value, 'Reason')
      .slice(0, MAX_REASONS)
      .flatMap((element) => parseReason(element) ?? []);
  } catch (thrown) {
    if (isMessageFault(thrown)) return [];
    throw thrown;
  }
}

function parseReason(element: string): Reason | undefined {
  try {
    const cursor = new Cursor(element, 'Reason');
    const protocol = cursor.token('the protocol').toUpperCase();
    cursor.skipSpace();
    const parameters = parseParameters(cursor);
    cursor.end();
    const cause = parameters.get('cause') ?? '';
    const text = parameters.get('text');
    return {
      protocol,
      cause: /^\d{1,3}$/.test(cause) ? Number(cause) : undefined,
      text: text?.startsWith('"') ? unquote(text).slice(0, MAX_TEXT) : text?.slice(0, MAX_TEXT),
    };
  } catch (thrown) {
    if (isMessageFault(thrown)) return undefined;
    throw thrown;
  }
}

/** The value of a Reason field. */
export function printReason({ protocol, cause, text }: Reason): string {
  const stated = cause === undefined ? protocol : `${protocol};cause=${cause}`;
  return text === undefined ? stated : `${stated};text=${quote(text)}`;
}
