import * as z from 'zod/mini';
import { section, withDefault } from '#config/shapes.ts';
import { text, whole } from '#config/values.ts';

/** As `copperring screening` takes it. */
const callerPattern = z.string().check(
  z.maxLength(96),
  z.refine(
    (written) =>
      /^(?:withheld|unavailable|name:[\x20-\x7e]{1,64})$/i.test(written.trim()) ||
      /^\+?(?:\d{2,32}|\d{1,31}\*)$/.test(written.replace(/[\s().-]/g, '')),
    'give a number (+4930123456), the start of numbers (+4990*), "withheld", "unavailable", or a name (name:*lottery*)',
  ),
);

const callers = withDefault(z.array(callerPattern).check(z.maxLength(1000)), []);

const ACTIONS = ['ring', 'challenge', 'voice-mail', 'hang-up', 'ignore'] as const;

/** What becomes of callers from the lines before any phone rings. */
export const screening = section({
  /** Names of the lines that are screened; all when there are none. */
  lines: withDefault(z.array(z.string().check(z.regex(/^[0-9A-Za-z_-]{1,32}$/))).check(z.maxLength(32)), []),
  /** Who always rings. Entries made by command are added. */
  allow: callers,
  block: callers,
  /** What becomes of callers on the block list and on no allow list. */
  blocked: withDefault(z.enum(ACTIONS), 'hang-up'),
  /** Of callers who withhold their number. */
  withheld: withDefault(z.enum(ACTIONS), 'ring'),
  /** Of callers whose number the network does not tell. */
  unavailable: withDefault(z.enum(ACTIONS), 'ring'),
  /** Of everybody else. */
  others: withDefault(z.enum(ACTIONS), 'ring'),
  /** What a challenged caller has to press. */
  challenge_digit: withDefault(z.string().check(z.regex(/^[0-9*]$/, 'give one key: 0-9 or *')), '1'),
  challenge_seconds: withDefault(whole(2, 60), 8),
  challenge_tries: withDefault(whole(1, 5), 2),
  /** A WAV file that says which key to press; without it three beeps, for callers who know. */
  challenge_prompt: z.optional(text),
  /** A number that passed is not challenged again for so long. */
  remember_days: withDefault(whole(0, 3650), 30),
});

export type ScreeningConfig = z.output<typeof screening>;
