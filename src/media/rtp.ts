/** One RTP packet (RFC 3550 §5.1). Contributing sources and header extensions are skipped when reading and never written. */
export interface RtpPacket {
  readonly marker: boolean;
  /** 0..127. */
  readonly payloadType: number;
  /** 16 bits. */
  readonly sequence: number;
  /** 32 bits, in samples. */
  readonly timestamp: number;
  /** 32 bits. */
  readonly ssrc: number;
  readonly payload: Uint8Array;
}

const FIXED_HEADER = 12;
/** What one Ethernet frame carries; larger datagrams are not telephone sound. */
const MAX_PACKET = 1500;

/** Reads a datagram; undefined for anything that is not well-formed RTP version 2. */
export function readRtp(bytes: Uint8Array): RtpPacket | undefined {
  if (bytes.length < FIXED_HEADER || bytes.length > MAX_PACKET) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = view.getUint8(0);
  if (first >> 6 !== 2) return undefined;
  let start = FIXED_HEADER + 4 * (first & 0x0f);
  if (first & 0x10) {
    if (start + 4 > bytes.length) return undefined;
    start += 4 + 4 * view.getUint16(start + 2);
  }
  const padding = first & 0x20 ? view.getUint8(bytes.length - 1) : 0;
  const end = bytes.length - padding;
  if (start > end || (first & 0x20 && padding === 0)) return undefined;
  const second = view.getUint8(1);
  return {
    marker: (second & 0x80) !== 0,
    payloadType: second & 0x7f,
    sequence: view.getUint16(2),
    timestamp: view.getUint32(4),
    ssrc: view.getUint32(8),
    payload: bytes.subarray(start, end),
  };
}

export function writeRtp(packet: RtpPacket): Uint8Array {
  const bytes = new Uint8Array(FIXED_HEADER + packet.payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 0x80);
  view.setUint8(1, (packet.marker ? 0x80 : 0) | packet.payloadType);
  view.setUint16(2, packet.sequence);
  view.setUint32(4, packet.timestamp);
  view.setUint32(8, packet.ssrc);
  bytes.set(packet.payload, FIXED_HEADER);
  return bytes;
}
