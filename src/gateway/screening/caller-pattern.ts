import { Failure } from '#platform/failure.ts';

/** Whom an entry of a list speaks of. */
export type CallerPattern =
  | { readonly kind: 'number'; readonly number: string }
  /** Numbers that begin so. */
  | { readonly kind: 'prefix'; readonly prefix: string }
  /** The caller withheld the number, or the network does not know it. */
  | { readonly kind: 'withheld' | 'unavailable' }
  /** A caller name, lower case; `*` stands for any characters. */
  | { readonly kind: 'name'; readonly name: string };

export interface CallerPatternFault {
  readonly code: 'bad-pattern';
}

const MAX_TEXT = 96;
const NUMBER = /^\+?[0-9]{2,32}$/;
const PREFIX = /^\+?[0-9]{1,31}\*$/;
const NAME = /^name:([\x20-\x7e]{1,64})$/i;

/**
 * Reads `+4930123456`, `+4990*`, `withheld`, `unavailable` or `name:*lottery*`; spaces, dots, dashes and brackets in numbers do not count.
 * Throws `Failure<CallerPatternFault>`.
 */
export function parseCallerPattern(written: string): CallerPattern {
  const text = written.slice(0, MAX_TEXT + 1).trim();
  const mark = text.toLowerCase();
  if (mark === 'withheld' || mark === 'unavailable') return { kind: mark };
  const name = NAME.exec(text)?.[1]?.trim().toLowerCase();
  if (name !== undefined && name !== '' && text.length <= MAX_TEXT) return { kind: 'name', name };
  const number = text.replace(/[\s().-]/g, '');
  if (NUMBER.test(number)) return { kind: 'number', number };
  if (PREFIX.test(number)) return { kind: 'prefix', prefix: number.slice(0, -1) };
  throw new Failure<CallerPatternFault>(
    { code: 'bad-pattern' },
    'a caller is given as a number (+4930123456), the start of numbers (+4990*), "withheld", "unavailable", or a name (name:*lottery*)',
  );
}

/** The one way in which a pattern is written in lists. */
export function printCallerPattern(pattern: CallerPattern): string {
  switch (pattern.kind) {
    case 'number':
      return pattern.number;
    case 'prefix':
      return `${pattern.prefix}*`;
    case 'name':
      return `name:${pattern.name}`;
    default:
      return pattern.kind;
  }
}

/** Whether a name, in any case, fits a pattern. At most as many steps as both lengths multiplied. */
export function nameFits(name: string, pattern: string): boolean {
  const text = name.toLowerCase();
  let at = 0;
  let star = -1;
  let resumeAt = 0;
  for (let i = 0; i < text.length; ) {
    if (pattern[at] === '*') {
      star = at++;
      resumeAt = i;
    } else if (pattern[at] === text[i]) {
      at++;
      i++;
    } else if (star >= 0) {
      // The star takes one character more.
      at = star + 1;
      i = ++resumeAt;
    } else return false;
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
