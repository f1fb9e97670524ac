import { Failure } from '#platform/failure.ts';

/** What is wrong with a configuration document. `at` names the element, the attribute or the byte offset. */
export type ConfigurationFault =
  | { readonly code: 'not-well-formed'; readonly at: string }
  | { readonly code: 'too-large'; readonly at: string }
  | { readonly code: 'forbidden-markup'; readonly at: string }
  | { readonly code: 'bad-value'; readonly at: string }
  | { readonly code: 'missing'; readonly at: string }
  | { readonly code: 'wrong-overlay'; readonly expected: string; readonly found: readonly string[] }
  | { readonly code: 'unsupported'; readonly at: string }
  | { readonly code: 'stale'; readonly current: number; readonly offered: number }
  | { readonly code: 'expired'; readonly expiration: number }
  | { readonly code: 'signature'; readonly at: string };

export function badValue(at: string, expected: string): Failure<ConfigurationFault> {
  return new Failure<ConfigurationFault>(
    { code: 'bad-value', at },
    `Configuration document: ${at} must be ${expected}. Correct the document at its origin.`,
  );
}

export function missing(at: string): Failure<ConfigurationFault> {
  return new Failure<ConfigurationFault>(
    { code: 'missing', at },
    `Configuration document: ${at} is missing. Correct the document at its origin.`,
  );
}

export function unsupported(at: string, why: string): Failure<ConfigurationFault> {
  return new Failure<ConfigurationFault>(
    { code: 'unsupported', at },
    `This node can't take part in the overlay: ${at} ${why}.`,
  );
}
