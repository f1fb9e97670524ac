import type { ReportBlock } from '#media/rtcp.ts';
import type { RtpPacket } from '#media/rtp.ts';

/** A jump of more than this forward, or of this many backward, is a restart of the sender (RFC 3550 §A.1). */
const MAX_DROPOUT = 3000;
const MAX_MISORDER = 100;

/** Sequence numbers this far back are remembered, to tell a duplicate from a late packet. */
const REMEMBERED = 128;

/** What is known of one source of RTP packets: extended sequence numbers, loss and jitter (RFC 3550 §A.1, §A.3, §A.8). */
export class Reception {
  readonly ssrc: number;
  #base: number;
  #highest: number;
  #cycles = 0;
  #received = 0;
  #jitter = 0;
  #lastTransit: number | undefined;
  #expectedBefore = 0;
  #receivedBefore = 0;
  readonly #seen = new Int32Array(REMEMBERED).fill(-1);
  #lastSenderReport: { readonly quoted: number; readonly at: number } | undefined;

  constructor(first: RtpPacket) {
    this.ssrc = first.ssrc;
    this.#base = first.sequence;
    this.#highest = (first.sequence - 1) & 0xffff;
  }

  /** Counts a packet that arrived at `now` (ms). 'restarted' when its sequence number shows that the sender started anew. */
  accept(packet: RtpPacket, now: number): 'new' | 'duplicate' | 'restarted' {
    const ahead = (packet.sequence - this.#highest) & 0xffff;
    if (ahead >= MAX_DROPOUT && ahead <= 0x10000 - MAX_MISORDER) return 'restarted';
    if (this.#seen[packet.sequence % REMEMBERED] === packet.sequence) return 'duplicate';
    this.#seen[packet.sequence % REMEMBERED] = packet.sequence;
    if (ahead > 0 && ahead < MAX_DROPOUT) {
      if (packet.sequence < this.#highest) this.#cycles += 0x10000;
      this.#highest = packet.sequence;
    }
    this.#received++;
    this.#measureJitter(packet.timestamp, now);
    return 'new';
  }

  senderReport(quoted: number, now: number): void {
    this.#lastSenderReport = { quoted, at: now };
  }

  get received(): number {
    return this.#received;
  }

  get lost(): number {
    return Math.max(0, this.#expected - this.#received);
  }

  /** In samples. */
  get jitter(): number {
    return this.#jitter;
  }

  /** The block for the next report; the fraction lost counts from the previous call on. */
  report(now: number): ReportBlock {
    const expected = this.#expected - this.#expectedBefore;
    const lost = expected - (this.#received - this.#receivedBefore);
    this.#expectedBefore = this.#expected;
    this.#receivedBefore = this.#received;
    const last = this.#lastSenderReport;
    return {
      ssrc: this.ssrc,
      fractionLost: expected > 0 && lost > 0 ? Math.min(255, Math.floor((lost * 256) / expected)) : 0,
      cumulativeLost: this.#expected - this.#received,
      highestSequence: (this.#cycles + this.#highest) >>> 0,
      jitter: Math.round(this.#jitter),
      lastSenderReport: last?.quoted ?? 0,
      delaySinceLast: last ? Math.min(0xffff_ffff, Math.round((now - last.at) * 65.536)) : 0,
    };
  }

  get #expected(): number {
    return this.#cycles + this.#highest - this.#base + 1;
  }

  #measureJitter(timestamp: number, now: number): void {
    const transit = now * 8 - timestamp;
    if (this.#lastTransit !== undefined) {
      // Differences of more than a second are a wrap of the time stamp or a pause of the sender, no jitter.
      const difference = Math.abs(transit - this.#lastTransit);
      if (difference < 8000) this.#jitter += (difference - this.#jitter) / 16;
    }
    this.#lastTransit = transit;
  }
}
