import * as z from 'zod/mini';
import { lineDial, lineDialPlan } from '#config/dial.ts';
import { lineCalls } from '#config/line-calls.ts';
import { lineModem } from '#config/line-modem.ts';
import { lineSound } from '#config/line-sound.ts';
import { withDefault } from '#config/shapes.ts';
import { e164, e164Prefix, text, userName, whole } from '#config/values.ts';
import { countryCodes } from '#platform/country-code.ts';

export const line = z.strictObject({
  name: withDefault(z.string().check(z.regex(/^[0-9A-Za-z_-]{1,32}$/)), 'line'),
  /** A serial device, best by its stable name under /dev/serial/by-id. */
  device: z.optional(text),
  /** A line emulated by a process of its own, in place of a device. */
  emulated: withDefault(z.boolean(), false),
  country: withDefault(z.enum(countryCodes), 'US'),
  baud_rate: withDefault(whole(9600, 921_600), 115_200),
  /** The line's own number. */
  number: z.optional(e164),
  /** The area it lies in: the national area code without national prefix. */
  area_code: z.optional(
    z.string().check(z.regex(/^\d{1,6}$/, 'give the area code in digits, without the national prefix')),
  ),
  /** What others may reach through this line, as announced in the overlay. */
  serves: withDefault(z.array(e164Prefix).check(z.maxLength(64)), ['+']),
  /** Who rings when the line does. */
  rings: withDefault(z.array(userName).check(z.maxLength(16)), []),
  /** Seconds the phones ring before the line is left alone. */
  ring_seconds: withDefault(whole(5, 300), 60),
  dial_seconds: withDefault(whole(5, 300), 90),
  /** Seconds of silence that end a call; by default silence ends nothing. */
  silence_seconds: z.optional(whole(5, 3600)),
  /** Preference among gateways and among the lines of this one, less is better. */
  priority: withDefault(whole(0, 255), 10),
  cost: withDefault(whole(0, 65_535), 0),
  dial: lineDial,
  dial_plan: lineDialPlan,
  ...lineCalls,
  ...lineModem,
  ...lineSound,
});

export type LineConfig = z.output<typeof line>;
