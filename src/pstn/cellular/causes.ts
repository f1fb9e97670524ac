import type { DialFault } from '#pstn/line.ts';

/**
 * Why the network ended a call that was never answered, from the words or the number of +CEER (3GPP TS 27.007 §8.10 leaves both to the
 * maker; the numbers are those of ITU-T Q.850 table 1, the words mostly its names).
 */
export function faultOfCause(cause: string): DialFault {
  const number = Number(/\b(\d{1,3})\b/.exec(cause)?.[1] ?? Number.NaN);
  const row = causes.find(({ numbers, words }) => numbers.includes(number) || words.test(cause));
  if (row) return { code: row.code };
  return { code: 'modem', detail: `the network ended the call${cause === '' ? '' : `: ${cause}`}` };
}

const causes: readonly {
  readonly code: Exclude<DialFault['code'], 'modem' | 'line-unavailable'>;
  readonly numbers: readonly number[];
  readonly words: RegExp;
}[] = [
  // User busy, call rejected.
  { code: 'busy', numbers: [17, 21], words: /\bbusy\b|rejected/i },
  // No user responding, no answer from user.
  { code: 'no-answer', numbers: [18, 19, 20], words: /no user responding|user alerting|no answer/i },
  // Unassigned number, no route, number changed, destination out of order, invalid number format.
  {
    code: 'special-information',
    numbers: [1, 3, 22, 27, 28],
    words: /unassigned|unallocated|no route|number changed|out of order|invalid number/i,
  },
  // No circuit, network out of order, temporary failure, congestion, channel not available, resources unavailable.
  {
    code: 'congestion',
    numbers: [34, 38, 41, 42, 44, 47],
    words: /no circuit|network out of order|temporary failure|congestion|channel|resource/i,
  },
];
