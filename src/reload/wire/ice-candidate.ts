import { ipAddressPort } from '#reload/wire/address.ts';
import { type Infer, list16, opaque16, u8, u32 } from '#reload/wire/codec.ts';
import { merged, select, struct } from '#reload/wire/struct.ts';
import { ascii8, ascii16 } from '#reload/wire/text.ts';

const iceExtension = struct({ name: ascii16, value: opaque16 });

/**
 * A transport address to try (RFC 6940 §6.5.1.1). `overlayLink` is an OverlayLinkType, unknown ones to be passed over;
 * a candidate has no length, hence an unknown `type` makes the whole message unreadable.
 */
export const iceCandidate = merged(
  struct({ addrPort: ipAddressPort, overlayLink: u8, foundation: ascii8, priority: u32 }),
  select('type', u8, {
    host: [1, struct({})],
    srflx: [2, struct({ relAddrPort: ipAddressPort })],
    relay: [4, struct({ relAddrPort: ipAddressPort })],
  }),
  struct({ extensions: list16(iceExtension) }),
);
export type IceCandidate = Infer<typeof iceCandidate>;
