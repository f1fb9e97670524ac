import { ipAddressPort } from '#reload/wire/address.ts';
import { list8, u8 } from '#reload/wire/codec.ts';
import { destination } from '#reload/wire/destination.ts';
import { checked, enumerated } from '#reload/wire/refined.ts';
import { struct } from '#reload/wire/struct.ts';

/**
 * Value of the forwarding option extensive_routing_mode: answer directly (RFC 7263 §5.1) or through a relay
 * (RFC 7264 §5.1). `transport` is an OverlayLinkType.
 */
export const extensiveRoutingModeOption = struct({
  routemode: enumerated(u8, { drr: 1, rpr: 2 }),
  transport: u8,
  ipaddressport: ipAddressPort,
  destinations: checked(list8(destination), (list) => (list.length === 0 ? 'a destination is wanted' : undefined)),
});
