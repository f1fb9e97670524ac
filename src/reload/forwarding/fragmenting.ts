import { encodeWithPayload, type HeaderFields } from '#reload/wire/forwarding-header.ts';
import type { WireOptions } from '#reload/wire/reader.ts';

/** What each piece carries at least after its header, in bytes (RFC 6940 §6.7). */
const LEAST_PIECE = 256;
/** Left free in each packet, so that Via Lists can grow on the way before a hop has to split again. */
const HEADROOM = 32;

/**
 * What is sent over a link for one message or fragment (RFC 6940 §6.7): itself where it fits into `mtu` bytes, else equal parts with the
 * whole header each; itself too where parts would become too small, for IP to cut up. `mtu` is undefined for links that take
 * everything.
 */
export function packetsOf(
  header: HeaderFields,
  payload: Uint8Array,
  link: { readonly whole: Uint8Array; readonly mtu: number | undefined },
  options: WireOptions,
): readonly Uint8Array[] {
  const { whole, mtu } = link;
  if (mtu === undefined || whole.length <= mtu) return [whole];
  const parts = partCount(payload.length, mtu - (whole.length - payload.length));
  if (parts === undefined) return [whole];
  const packets: Uint8Array[] = [];
  let start = 0;
  for (let left = parts; left > 0; left--) {
    const end = start + Math.ceil((payload.length - start) / left);
    const last = header.fragment.last && end === payload.length;
    const fragment = { ...header.fragment, offset: header.fragment.offset + start, last };
    packets.push(encodeWithPayload({ ...header, fragment }, payload.subarray(start, end), options));
    start = end;
  }
  return packets;
}

/** Into how many parts `bytes` go when a packet has `room` beside the header: with headroom if that can be, undefined if none fits. */
function partCount(bytes: number, room: number): number | undefined {
  for (const most of [room - HEADROOM, room]) {
    const parts = Math.ceil(bytes / most);
    if (most >= LEAST_PIECE && Math.floor(bytes / parts) >= LEAST_PIECE) return parts;
  }
  return undefined;
}
