import { allOf, DIGIT, TOKEN } from '#sip/message/characters.ts';
import { malformed } from '#sip/message/fault.ts';

export interface CSeq {
  readonly number: number;
  readonly method: string;
}

/** RFC 3261 §8.1.1.5 asks for less than 2^31; up to 2^32 - 1 is understood. */
export function parseCSeq(value: string): CSeq {
  const space = value.search(/[ \t]/);
  const digits = value.slice(0, Math.max(space, 0));
  const method = value.slice(space + 1).replace(/^[ \t]+/, '');
  if (space < 0 || !allOf(method, TOKEN)) throw malformed('CSeq', 'it is not a number and a method');
  return { number: parseNumber(digits, 'CSeq', 2 ** 32 - 1), method };
}

/** `1*DIGIT` of at most `limit`; leading zeros are fine. */
export function parseNumber(text: string, field: string, limit: number): number {
  if (!allOf(text, DIGIT)) throw malformed(field, 'it is not a number');
  const number = Number(text);
  if (number > limit) throw malformed(field, `it is above ${limit}`);
  return number;
}

/** delta-seconds of Expires and its like: values above 2^32 - 1 count as that (RFC 4475 §3.1.2.4). */
export function parseSeconds(text: string, field: string): number {
  if (!allOf(text, DIGIT)) throw malformed(field, 'it is not a number of seconds');
  return Math.min(Number(text), 2 ** 32 - 1);
}

const DATE =
  /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** SIP-date (RFC 3261 §20.17) knows GMT only. */
export function checkDate(value: string): void {
  if (value.length > 64 || !DATE.test(value)) throw malformed('Date', 'it is not an RFC 1123 date in GMT');
}
