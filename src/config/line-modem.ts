import * as z from 'zod/mini';
import { text } from '#config/values.ts';

/** What is known of the modem behind a line. */
export const lineModem = {
  /** The serial device for the sound of a cellular module; its commands go to `device`. */
  audio_device: z.optional(text),
  /** Takes this modem profile, whatever the modem says of itself. */
  profile: z.optional(z.string().check(z.regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'give the name of a modem profile'))),
  /** A folder with modem profiles of one's own. */
  profiles: z.optional(text),
  /** Everything said to the modem and by it goes into this file; numbers are masked, sound is left out. */
  transcript: z.optional(text),
};
