import { concat, utf8 } from '#platform/bytes.ts';

/** One report block (RFC 3550 §6.4.1). */
export interface ReportBlock {
  readonly ssrc: number;
  /** Lost of the expected since the last report, in 1/256. */
  readonly fractionLost: number;
  /** Signed 24 bits. */
  readonly cumulativeLost: number;
  readonly highestSequence: number;
  /** In samples. */
  readonly jitter: number;
  /** Middle 32 bits of the NTP time of the last sender report, 0 when there was none. */
  readonly lastSenderReport: number;
  /** Since that report, in 1/65536 s. */
  readonly delaySinceLast: number;
}

interface SenderInfo {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly rtpTimestamp: number;
  readonly packets: number;
  readonly octets: number;
}

export interface Report {
  readonly ssrc: number;
  /** Present in a sender report (SR), absent in a receiver report (RR). */
  readonly sender: SenderInfo | undefined;
  readonly blocks: readonly ReportBlock[];
}

export interface RtcpContents {
  readonly reports: readonly Report[];
  readonly goodbyes: readonly number[];
}

const SR = 200;
const RR = 201;
const SDES = 202;
const BYE = 203;
const MAX_COMPOUND = 1500;
const SECONDS_1900_TO_1970 = 2_208_988_800;

/** The 64-bit NTP time stamp of milliseconds since 1970 as its two halves. */
function ntpOf(ms: number): readonly [seconds: number, fraction: number] {
  const seconds = Math.floor(ms / 1000);
  return [(seconds + SECONDS_1900_TO_1970) >>> 0, Math.floor(((ms - seconds * 1000) / 1000) * 2 ** 32) >>> 0];
}

/** The middle 32 bits of the NTP time, as report blocks quote it. */
export function middleOfNtp(ms: number): number {
  const [seconds, fraction] = ntpOf(ms);
  return (((seconds & 0xffff) << 16) | (fraction >>> 16)) >>> 0;
}

/** A compound packet: the report and, as RFC 3550 §6.1 demands, the canonical name; a goodbye when `bye`. */
export function writeRtcp(report: Report, canonicalName: string, bye: boolean): Uint8Array {
  const parts = [writeReport(report), writeCanonicalName(report.ssrc, canonicalName)];
  if (bye) parts.push(writeGoodbye(report.ssrc));
  return concat(...parts);
}

/** Reads a compound packet; undefined when it is not well-formed (RFC 3550 §A.2). Unknown packet types are skipped. */
export function readRtcp(bytes: Uint8Array): RtcpContents | undefined {
  if (bytes.length < 8 || bytes.length > MAX_COMPOUND) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reports: Report[] = [];
  const goodbyes: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + 4 > bytes.length || view.getUint8(at) >> 6 !== 2) return undefined;
    const count = view.getUint8(at) & 0x1f;
    const type = view.getUint8(at + 1);
    const end = at + 4 + 4 * view.getUint16(at + 2);
    if (end > bytes.length || (at === 0 && type !== SR && type !== RR)) return undefined;
    if (type === SR || type === RR) {
      const report = readReport(view, at, { end, count });
      if (!report) return undefined;
      reports.push(report);
    } else if (type === BYE) {
      for (let i = 0; i < count && at + 8 + 4 * i <= end; i++) goodbyes.push(view.getUint32(at + 4 + 4 * i));
    }
    at = end;
  }
  return { reports, goodbyes };
}

function readReport(view: DataView, at: number, bounds: { end: number; count: number }): Report | undefined {
  const isSender = view.getUint8(at + 1) === SR;
  const blocksAt = at + (isSender ? 28 : 8);
  if (blocksAt + 24 * bounds.count > bounds.end) return undefined;
  const sender = isSender
    ? {
        time: (view.getUint32(at + 8) - SECONDS_1900_TO_1970 + view.getUint32(at + 12) / 2 ** 32) * 1000,
        rtpTimestamp: view.getUint32(at + 16),
        packets: view.getUint32(at + 20),
        octets: view.getUint32(at + 24),
      }
    : undefined;
  const blocks = Array.from({ length: bounds.count }, (_, i) => readBlock(view, blocksAt + 24 * i));
  return { ssrc: view.getUint32(at + 4), sender, blocks };
}

function readBlock(view: DataView, at: number): ReportBlock {
  return {
    ssrc: view.getUint32(at),
    fractionLost: view.getUint8(at + 4),
    cumulativeLost: (view.getInt32(at + 4) << 8) >> 8,
    highestSequence: view.getUint32(at + 8),
    jitter: view.getUint32(at + 12),
    lastSenderReport: view.getUint32(at + 16),
    delaySinceLast: view.getUint32(at + 20),
  };
}

function writeReport(report: Report): Uint8Array {
  const head = report.sender ? 28 : 8;
  const bytes = new Uint8Array(head + 24 * report.blocks.length);
  const view = new DataView(bytes.buffer);
  putHeader(view, report.blocks.length, report.sender ? SR : RR);
  view.setUint32(4, report.ssrc);
  if (report.sender) {
    const [seconds, fraction] = ntpOf(report.sender.time);
    view.setUint32(8, seconds);
    view.setUint32(12, fraction);
    view.setUint32(16, report.sender.rtpTimestamp);
    view.setUint32(20, report.sender.packets);
    view.setUint32(24, report.sender.octets);
  }
  report.blocks.forEach((block, i) => {
    const at = head + 24 * i;
    view.setUint32(at, block.ssrc);
    const lost = Math.max(-0x80_0000, Math.min(0x7f_ffff, block.cumulativeLost));
    view.setUint32(at + 4, ((block.fractionLost << 24) | (lost & 0xff_ffff)) >>> 0);
    view.setUint32(at + 8, block.highestSequence);
    view.setUint32(at + 12, block.jitter);
    view.setUint32(at + 16, block.lastSenderReport);
    view.setUint32(at + 20, block.delaySinceLast);
  });
  return bytes;
}

function writeCanonicalName(ssrc: number, name: string): Uint8Array {
  const text = utf8(name).subarray(0, 255);
  // One item, the ending zero octet, and zeros up to a multiple of four (RFC 3550 §6.5).
  const bytes = new Uint8Array((8 + 2 + text.length + 4) & ~3);
  const view = new DataView(bytes.buffer);
  putHeader(view, 1, SDES);
  view.setUint32(4, ssrc);
  bytes[8] = 1;
  bytes[9] = text.length;
  bytes.set(text, 10);
  return bytes;
}

function writeGoodbye(ssrc: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  putHeader(view, 1, BYE);
  view.setUint32(4, ssrc);
  return bytes;
}

function putHeader(view: DataView, count: number, type: number): void {
  view.setUint8(0, 0x80 | count);
  view.setUint8(1, type);
  view.setUint16(2, view.byteLength / 4 - 1);
}
