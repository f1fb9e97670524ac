import * as z from 'zod/mini';
import { section, withDefault } from '#config/shapes.ts';
import { e164Prefix, userPattern, whole } from '#config/values.ts';
import { countryCodes } from '#platform/country-code.ts';

/** What a modem can dial: keys, `,` for a pause of 2 s, `w` to wait for a dial tone. */
const dialString = z.string().check(z.regex(/^[0-9*#A-D,wW]{0,32}$/, 'give digits, * # , and w, at most 32'));

const digits = (least: number, most: number) =>
  z.string().check(z.regex(new RegExp(`^\\d{${least},${most}}$`), `give ${least} to ${most} digits`));

const rule = z.strictObject({
  /** The start of the E.164 numbers it is for. */
  match: e164Prefix,
  /** Digits taken off the front, the plus sign not counted. */
  strip: withDefault(whole(0, 15), 0),
  insert: withDefault(dialString, ''),
  /** Only for numbers of so many digits, the calling code included. */
  min_digits: withDefault(whole(1, 15), 1),
  max_digits: withDefault(whole(1, 15), 15),
});

/** What has to be dialled on a line for a number. */
export const lineDial = section({
  /** The way out of a PBX, before every number except short ones. */
  access: withDefault(dialString, ''),
  /** The same before emergency numbers; `access` where it is left out. */
  emergency_access: z.optional(dialString),
  /** Before national and international numbers: another carrier, call by call. */
  carrier: withDefault(dialString, ''),
  /** Dials numbers of the own area without area code. */
  local: withDefault(z.boolean(), false),
  /** Withholds the line's number for one call; the country's own code where it is left out, and `""` for none. */
  withhold: z.optional(dialString),
  /** What the PBX puts before the numbers of outside callers. */
  caller_access: withDefault(digits(0, 8), ''),
  /** The first one that fits decides in place of the country's rules. */
  rules: withDefault(z.array(rule).check(z.maxLength(64)), []),
});

const allowRule = z.strictObject({
  callers: z.array(userPattern).check(z.minLength(1), z.maxLength(256)),
  prefixes: z.array(e164Prefix).check(z.minLength(1), z.maxLength(256)),
});

const allow = z.array(allowRule).check(z.maxLength(256));
const deny = z.array(e164Prefix).check(z.maxLength(256));

/** Who may use one line, where that differs from the whole gateway. */
export const lineDialPlan = section({
  /** In place of `dial_plan.allow`. */
  allow: z.optional(allow),
  /** Beside `dial_plan.deny`. */
  deny: withDefault(deny, []),
  international: z.optional(z.boolean()),
  premium: z.optional(z.boolean()),
  emergency: z.optional(z.boolean()),
  minutes_per_call: z.optional(whole(1, 10_000)),
  /** Of all callers together over this line. */
  total_calls_per_hour: z.optional(whole(0, 10_000)),
  total_minutes_per_day: z.optional(whole(0, 100_000)),
});

export const dialPlan = section({
  /** Who may call where through the line. Without a rule nobody calls anywhere. */
  allow: withDefault(allow, []),
  /** Numbers that nobody calls, whatever a rule says. */
  deny: withDefault(deny, []),
  /** By whose rules numbers dialled on phones are read; the first line's country where it is left out. */
  country: z.optional(z.enum(countryCodes)),
  /** Numbers that only the line's exchange knows, dialled as they are by anyone a rule speaks of. */
  short_numbers: withDefault(z.array(digits(2, 15)).check(z.maxLength(64)), []),
  /** Numbers outside the line's country. */
  international: withDefault(z.boolean(), false),
  /** Numbers with premium tariffs. */
  premium: withDefault(z.boolean(), false),
  /** Emergency numbers: refused unless enabled, since a gateway cannot say where the caller is. */
  emergency: withDefault(z.boolean(), false),
  /** An emergency call ends an ordinary one when no line is free. */
  emergency_clears_line: withDefault(z.boolean(), true),
  /** Treated as emergency numbers, to try that out. */
  emergency_test_numbers: withDefault(z.array(digits(2, 15)).check(z.maxLength(8)), []),
  calls_per_hour: withDefault(whole(0, 10_000), 20),
  minutes_per_day: withDefault(whole(0, 100_000), 240),
  /** Calls of one caller at the same time. */
  calls_at_once: withDefault(whole(1, 1000), 3),
  /** Of all callers together; no limit where it is left out. */
  total_calls_per_hour: z.optional(whole(0, 10_000)),
  total_minutes_per_day: z.optional(whole(0, 100_000)),
  /** Minutes after which a call is ended. */
  minutes_per_call: withDefault(whole(1, 10_000), 120),
});
