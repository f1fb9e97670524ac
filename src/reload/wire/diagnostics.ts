import { type Codec, encode, list32, opaque16, opaque32, u8, u16, u32, u64 } from '#reload/wire/codec.ts';
import { destination } from '#reload/wire/destination.ts';
import { checked, optionalAtEnd } from '#reload/wire/refined.ts';
import { struct } from '#reload/wire/struct.ts';

const diagnosticExtension = struct({ kind: u16, contents: opaque32 });
const diagnosticInfo = struct({ kind: u16, contents: opaque16 });

/**
 * The lists come behind two lengths, `ext_length` and their own (RFC 7851 §5.1). Some count the inner length in the
 * outer one, and some leave an empty list out: both are read, and kept as they were.
 */
function agreeing<T extends { readonly extLength: number }, Item>(
  codec: Codec<T>,
  list: Codec<readonly Item[]>,
  itemsOf: (value: T) => readonly Item[] | undefined,
): Codec<T> {
  return checked(codec, (value) => {
    const items = itemsOf(value);
    const size = items === undefined ? 4 : encode(list, items).length;
    if (value.extLength === size - 4 || (items !== undefined && value.extLength === size)) return undefined;
    return `ext_length is ${value.extLength}, and the list has ${size - 4} bytes`;
  });
}

const extensions = list32(diagnosticExtension);
const infos = list32(diagnosticInfo);

/**
 * Asks nodes about themselves (RFC 7851 §5.1): in a message extension Diagnostic_Ping, or in a PathTrack request.
 * Times in milliseconds since 1970.
 */
export const diagnosticsRequest = agreeing(
  struct({
    expiration: u64,
    timestampInitiated: u64,
    dmFlags: u64,
    extLength: u32,
    diagnosticExtensionsList: optionalAtEnd(extensions),
  }),
  extensions,
  (request) => request.diagnosticExtensionsList,
);

/** The answer (RFC 7851 §5.2); `hopCounter` is the TTL as received. */
export const diagnosticsResponse = agreeing(
  struct({
    expiration: u64,
    timestampInitiated: u64,
    timestampReceived: u64,
    hopCounter: u8,
    extLength: u32,
    diagnosticInfoList: optionalAtEnd(infos),
  }),
  infos,
  (response) => response.diagnosticInfoList,
);

/** Body of a PathTrack request (RFC 7851 §5.3). */
export const pathTrackReq = struct({ destination, request: diagnosticsRequest });

/** Body of the answer. */
export const pathTrackAns = struct({ nextHop: destination, response: diagnosticsResponse });
