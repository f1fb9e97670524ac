import type { CallOutcome } from '#gateway/call-record.ts';
import { causeOfStatus, causeText } from '#gateway/calls/q850.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import { printable } from '#platform/log.ts';
import type { DialFault, LineHangup } from '#pstn/line.ts';
import { parseReasons, printReason } from '#sip/message/reason.ts';
import type { CallEnd } from '#sip/ua/call-engine.ts';

/** How a call ended, or why it did not come about: in words, and as each side of the gateway is told. */
export interface Ending {
  /** Who or what ended it, in words. */
  readonly end: string;
  /** ITU-T Q.850 cause value. */
  readonly cause: number;
  /** What a caller by SIP gets when the call was not answered (RFC 3398 §7.2.4.1); 5xx sends the caller on to the next gateway. */
  readonly status: number;
  readonly phrase: string;
  readonly outcome: CallOutcome;
  /** In place of the Q.850 cause, where SIP knows it better. */
  readonly reason?: string;
}

type Row = readonly [cause: number, status: number, phrase: string, outcome: CallOutcome];

const ENDED = [480, 'Temporarily Unavailable', 'answered'] as const;

/**
 * After the answer. The tones an exchange plays once the far end hung up differ between countries, so busy and dial tone count as
 * ordinary clearing; congestion and special information tones behind an answer that was only inferred say that it was none.
 */
const HANGUPS: Readonly<Record<LineHangup, Row>> = {
  local: [16, ...ENDED],
  'busy-tone': [16, ...ENDED],
  'congestion-tone': [42, ...ENDED],
  'dial-tone': [16, ...ENDED],
  'special-information': [1, 404, 'Number Not Reachable', 'failed'],
  'loop-drop': [16, ...ENDED],
  'polarity-reversal': [16, ...ENDED],
  'far-end': [16, ...ENDED],
  silence: [31, ...ENDED],
  'modem-lost': [41, ...ENDED],
};

const DIAL_FAULTS: Readonly<Record<DialFault['code'], Row>> = {
  busy: [17, 486, 'Busy Here', 'busy'],
  congestion: [42, 503, 'Telephone Network Congested', 'failed'],
  'special-information': [1, 404, 'Number Not Reachable', 'failed'],
  glare: [44, 503, 'Line Busy Or Absent', 'failed'],
  'no-answer': [19, 480, 'Temporarily Unavailable', 'missed'],
  'no-dial-tone': [27, 503, 'Line Without Dial Tone', 'failed'],
  'line-unavailable': [34, 503, 'Line Busy Or Absent', 'failed'],
  aborted: [16, 487, 'Request Terminated', 'missed'],
  modem: [41, 503, 'Modem Failure', 'failed'],
};

/** What this gateway decides by itself. */
const DECISIONS = {
  'time limit': [31, 480, 'Time Limit Reached', 'answered'],
  'line: caller gave up': [16, 487, 'Request Terminated', 'missed'],
  'line: rang in vain': [19, 480, 'Temporarily Unavailable', 'missed'],
  'line: fax': [88, 488, 'Fax Is Not Carried', 'fax'],
  'line: a telephone took over': [16, 480, 'Call Completed Elsewhere', 'answered'],
  'phone: nobody answered': [19, 480, 'Temporarily Unavailable', 'missed'],
  'phone: none is registered': [20, 480, 'Temporarily Unavailable', 'missed'],
  'phone: gave up': [16, 487, 'Request Terminated', 'missed'],
  'no number came': [28, 484, 'Address Incomplete', 'failed'],
} as const satisfies Record<string, Row>;

function ending(end: string, [cause, status, phrase, outcome]: Row): Ending {
  return { end, cause, status, phrase, outcome };
}

export function decided(what: keyof typeof DECISIONS): Ending {
  return ending(what, DECISIONS[what]);
}

/** A telephone on the line answered what rang here (Reason as RFC 3326 §3.1 has it for forks). */
export const ANSWERED_ELSEWHERE: Ending = {
  ...ending('line: answered at another telephone', [16, 487, 'Request Terminated', 'answered']),
  reason: 'SIP;cause=200;text="Call completed elsewhere"',
};

/** The call was up, and the line ended it. */
export function endedByLine(hangup: LineHangup): Ending {
  return ending(`line: ${hangup}`, HANGUPS[hangup]);
}

/** The line could not be dialled, or a ring not be answered; whatever is no `DialFault` counts as the modem's. */
export function lineFailed(thrown: unknown): Ending {
  const code = thrown instanceof Failure && isDialFault(thrown.code) ? thrown.code : 'modem';
  return ending(`line: ${code}`, DIAL_FAULTS[code]);
}

function isDialFault(code: string): code is DialFault['code'] {
  return Object.hasOwn(DIAL_FAULTS, code);
}

/** The call was up, and its SIP side ended it. The cause it gives is kept. */
export function endedByPhone({ by, status, reason }: CallEnd): Ending {
  if (by === 'failure') {
    return ending(`phone: ${printable(reason)}`, [causeOfStatus(status), ...ENDED]);
  }
  const told = causeIn(reason);
  const cause = told?.cause ?? 16;
  const words = cause === 16 ? '' : ` (${told?.text ?? causeText(cause)})`;
  return ending(`phone: hung up${words}`, [cause, ...ENDED]);
}

/** The phone that rang refused, or could not be reached. */
export function phoneRefused(thrown: unknown): Ending {
  const { status, reason } = faultOf(thrown);
  const told = causeIn(reason);
  const cause = told?.cause ?? causeOfStatus(status);
  return ending(`phone: ${told?.text ?? printable(messageOf(thrown))}`, [
    cause,
    status ?? 480,
    'Temporarily Unavailable',
    cause === 17 ? 'busy' : 'missed',
  ]);
}

/** The caller by SIP cancelled. */
export function phoneGaveUp(thrown: unknown): Ending {
  const told = causeIn(faultOf(thrown).reason);
  return { ...decided('phone: gave up'), ...(told === undefined ? {} : { cause: told.cause }) };
}

/** Somebody told this process to end the call, or the process ends. */
export function stopped(why: unknown): Ending {
  return ending(`stopped: ${messageOf(why)}`, [31, 503, 'Service Unavailable', 'failed']);
}

/** The dial plan, a budget or a PIN said no. */
export function refused(why: string, answer: { readonly status: number; readonly phrase: string }): Ending {
  return ending(why, [21, answer.status, answer.phrase, 'refused']);
}

/** Screening said no. */
export function blocked(why: string): Ending {
  return ending(`blocked: ${why}`, [21, 603, 'Decline', 'blocked']);
}

/** The value of a Reason field: on BYE and CANCEL (RFC 3326), and on failure responses (RFC 6432). */
export function reasonOf({ reason, cause }: Ending): string {
  return reason ?? printReason({ protocol: 'Q.850', cause, text: causeText(cause) });
}

function faultOf(thrown: unknown): { readonly status: number | undefined; readonly reason: string | undefined } {
  if (!(thrown instanceof Failure)) return { status: undefined, reason: undefined };
  const { status, reason }: { readonly status?: unknown; readonly reason?: unknown } = thrown.fault;
  return {
    status: typeof status === 'number' ? status : undefined,
    reason: typeof reason === 'string' ? reason : undefined,
  };
}

/** The Q.850 cause of a Reason value, else what its SIP status comes to. */
function causeIn(value: string | undefined): { readonly cause: number; readonly text: string | undefined } | undefined {
  const reasons = parseReasons(value).filter(({ cause }) => cause !== undefined);
  const isQ850 = ({ protocol, cause = 0 }: { protocol: string; cause: number | undefined }) =>
    protocol === 'Q.850' && cause >= 1 && cause <= 127;
  const q850 = reasons.find(isQ850);
  if (q850?.cause !== undefined) return { cause: q850.cause, text: q850.text && printable(q850.text) };
  const sip = reasons.find(({ protocol }) => protocol === 'SIP');
  return sip === undefined ? undefined : { cause: causeOfStatus(sip.cause), text: sip.text && printable(sip.text) };
}
