import * as z from 'zod/mini';
import { withDefault } from '#config/shapes.ts';
import { e164, userName, whole } from '#config/values.ts';

const ringStage = z.strictObject({
  users: z.array(userName).check(z.minLength(1), z.maxLength(16)),
  /** `in-turn`: one user after the other, each for `seconds`. */
  order: withDefault(z.enum(['together', 'in-turn'] as const), 'together'),
  seconds: withDefault(whole(5, 300), 20),
});

/** What becomes of calls on a line. */
export const lineCalls = {
  /** Who rings after `rings`, stage by stage. */
  ring: withDefault(z.array(ringStage).check(z.maxLength(8)), []),
  /** Called over another line when nobody answered. */
  last_resort: z.optional(e164),
  /** Seconds in which only telephones and fax machines on the line ring. */
  ring_delay_seconds: withDefault(whole(0, 60), 0),
  /** What happens when a telephone on the line is lifted during a call. */
  handset: withDefault(z.enum(['join', 'take-over', 'ignore'] as const), 'join'),
  /** What happens when a fax machine is heard. */
  fax: withDefault(z.enum(['end', 'ignore'] as const), 'end'),
  /** Members that call the line's own number get its dial tone. */
  two_stage: withDefault(z.boolean(), false),
  /** Dialled by members to get the line's dial tone. */
  access_number: z.optional(z.string().check(z.regex(/^\d{2,15}$/, 'give 2 to 15 digits'))),
  /** Whether callers from the line may enter a PIN and dial on: never, in place of ringing, or when nobody answered. */
  dial_in: withDefault(z.enum(['off', 'at-once', 'unanswered'] as const), 'off'),
  /** Callers who dialled in may dial out over another line, as far as rules for their PIN go. */
  dial_in_lines: withDefault(z.boolean(), false),
};
