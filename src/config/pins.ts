import * as z from 'zod/mini';
import type { LineConfig } from '#config/line.ts';
import type { ConfigProblem } from '#config/problem.ts';
import { withDefault } from '#config/shapes.ts';

/** `scrypt:<cost>:<salt>:<hash>`, bytes in base64, as `copperring pin` prints it. */
const HASH = /^scrypt:16384:[A-Za-z0-9+/]{22}==:[A-Za-z0-9+/]{43}=$/;

const pin = z.strictObject({
  /** Rules of the dial plan speak of it as `pin:<name>`. */
  name: z.string().check(z.regex(/^[0-9A-Za-z_-]{1,32}$/, 'give 1 to 32 letters, digits, - or _')),
  hash: z.string().check(z.regex(HASH, 'give what `copperring pin` prints')),
  /** Who may enter it: members that no rule lets call a number, or callers from a telephone line. */
  from: z.array(z.enum(['members', 'line'] as const)).check(z.minLength(1)),
});

/** PINs of callers that no rule names. Each try is compared with all of them, so there are few. */
export const pins = withDefault(z.array(pin).check(z.maxLength(8)), []);

export type PinConfig = z.output<typeof pin>;

/** What PINs and those who rely on them make wrong together. */
export function pinProblems({
  pins: all,
  lines,
}: {
  readonly pins: readonly PinConfig[];
  readonly lines: readonly LineConfig[];
}): readonly ConfigProblem[] {
  const named = all.flatMap(({ name }, i) =>
    all.findIndex((other) => other.name === name) < i
      ? [{ path: `pins[${i}].name`, advice: 'another PIN has this name already' }]
      : [],
  );
  const opens = all.some(({ from }) => from.includes('line'));
  const lone = lines.flatMap(({ dial_in: dialIn }, i) =>
    dialIn === 'off' || opens
      ? []
      : [
          {
            path: `line[${i}].dial_in`,
            advice: 'callers from a line need a PIN: add one to [[pins]] with from = ["line"]',
          },
        ],
  );
  return [...named, ...lone];
}
