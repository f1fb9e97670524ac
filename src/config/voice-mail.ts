import * as z from 'zod/mini';
import { section, withDefault } from '#config/shapes.ts';
import { text, userName, whole } from '#config/values.ts';

const mailbox = z.strictObject({
  user: userName,
  /** The first PIN; one set by `copperring voicemail pin` takes its place. */
  pin: z.optional(z.string().check(z.regex(/^\d{4,12}$/, 'give 4 to 12 digits'))),
  /** A file with the PIN in its first line. */
  pin_file: z.optional(text),
  /** A WAV file in place of the default greeting; one recorded or set by command takes its place. */
  greeting: z.optional(text),
});

/** Voice mail of this node; mailboxes switch it on. */
export const voiceMail = section({
  mailbox: withDefault(z.array(mailbox).check(z.maxLength(64)), []),
  /** Seconds of ringing before voice mail answers. */
  answer_after_seconds: withDefault(whole(1, 300), 25),
  /** What a phone dials to hear its messages; `voicemail@<overlay>` leads there too. */
  number: withDefault(z.string().check(z.regex(/^[0-9*#]{1,16}$/, 'give digits, * and #')), '*98'),
  /** A phone that authenticated itself here hears its own mailbox without PIN. */
  own_phone_without_pin: withDefault(z.boolean(), true),
  max_seconds: withDefault(whole(5, 900), 180),
  /** Shorter messages are dropped. */
  min_seconds: withDefault(whole(0, 10), 2),
  /** Silence that ends a message. */
  silence_seconds: withDefault(whole(1, 60), 6),
  max_messages: withDefault(whole(1, 1000), 50),
  /** Of one mailbox. */
  max_megabytes: withDefault(whole(1, 4096), 50),
  keep_days: withDefault(whole(1, 3650), 30),
  /** Registered phones are told of messages without having asked, as older ones expect it. */
  unsolicited_notify: withDefault(z.boolean(), false),
  /** Registers the node under `voice-mail` in the overlay (RFC 7374). */
  publish: withDefault(z.boolean(), true),
});
