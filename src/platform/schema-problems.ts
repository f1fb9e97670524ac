import type * as z from 'zod/mini';

/** One thing wrong in a file, where it is, and what to do about it. */
export interface SchemaProblem {
  /** For example `line.country`. */
  readonly path: string;
  readonly advice: string;
}

/** What a schema found wrong, in the words of the person who wrote the file. */
export function schemaProblems(issue: z.core.$ZodIssue, whole: string): SchemaProblem[] {
  const path = issue.path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return text === '' ? String(key) : `${text}.${String(key)}`;
  }, '');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: path === '' ? key : `${path}.${key}`,
      advice: 'there is no such setting; correct its name or remove it',
    }));
  }
  return [{ path: path === '' ? whole : path, advice: adviceFor(issue) }];
}

function adviceFor(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `give ${NAMES.get(issue.expected) ?? issue.expected}`;
    case 'invalid_value':
      return `give one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return `give at least ${issue.minimum}${issue.origin === 'string' ? ' characters' : ''}`;
    case 'too_big':
      return `give at most ${issue.maximum}${issue.origin === 'string' ? ' characters' : ''}`;
    default:
      return issue.message === 'Invalid input' ? 'this value has the wrong form' : issue.message;
  }
}

const NAMES: ReadonlyMap<string, string> = new Map([
  ['string', 'a text in quotes'],
  ['number', 'a number'],
  ['int', 'a whole number'],
  ['boolean', 'true or false'],
  ['array', 'a list in brackets'],
  ['object', 'a table'],
]);
