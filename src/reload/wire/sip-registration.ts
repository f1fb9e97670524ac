import { type Infer, list16 } from '#reload/wire/codec.ts';
import { destination } from '#reload/wire/destination.ts';
import { checked } from '#reload/wire/refined.ts';
import { selectOrKeep, struct } from '#reload/wire/struct.ts';
import { text16 } from '#reload/wire/text.ts';

const route = struct({
  contactPrefs: text16,
  destinationList: checked(list16(destination), (list) =>
    list.length === 0 ? 'a route has a destination' : undefined,
  ),
});

/**
 * Where an AOR is to be found (RFC 7904 §3.2): under another AOR, or at the end of a Destination List.
 * `contactPrefs` is a predicate of RFC 3840, perhaps empty. Types of later standards are kept as bytes.
 */
export const sipRegistration = selectOrKeep({ uri: [1, struct({ uri: text16 })], route: [2, route] }, 2);
export type SipRegistration = Infer<typeof sipRegistration>;
