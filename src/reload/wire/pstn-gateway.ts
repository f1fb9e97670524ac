import { type Infer, list16, opaque16, u8, u16 } from '#reload/wire/codec.ts';
import { destination } from '#reload/wire/destination.ts';
import { checked } from '#reload/wire/refined.ts';
import { struct } from '#reload/wire/struct.ts';
import { text8, text16 } from '#reload/wire/text.ts';

/** Bits of `flags`: which calls the gateway takes. */
export const PstnGatewayFlag = { outbound: 1, inbound: 2, emergency: 4 } as const;

/** Leading digits of E.164 numbers without "+", at most 15, none for any number; a lower priority is tried first. */
const servedPrefix = struct({
  digits: checked(text8, (digits) => (/^\d{0,15}$/.test(digits) ? undefined : 'at most 15 decimal digits are wanted')),
  priority: u8,
  cost: u16,
});

/**
 * Description of a PSTN gateway: the value of the private Kind PSTN-GATEWAY (0xF0000001), SINGLE, NODE-MATCH.
 * `capacity` counts lines, `contactPrefs` is a predicate of RFC 3840, `extensions` is for later versions.
 */
export const pstnGateway = struct({
  version: checked(u8, (version) => (version === 1 ? undefined : `version ${version} is not 1, the only one there is`)),
  flags: u8,
  capacity: u16,
  aor: text8,
  destinationList: list16(destination),
  prefixes: list16(servedPrefix),
  contactPrefs: text16,
  extensions: opaque16,
});
export type PstnGateway = Infer<typeof pstnGateway>;
