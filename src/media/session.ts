/**
 * The media side of one SIP call leg: G.711 in RTP with RTCP and RFC 4733 events.
 * Inside the process sound is mu-law, 8000 bytes a second; a session converts when the peer chose A-law.
 */
export interface MediaSession {
  /** The SDP offer or answer that describes this session (RFC 3264). */
  readonly localDescription: string;
  /** Applies the peer's SDP; throws `Failure<MediaFault>` when no common codec or no usable address is in it. */
  applyRemote(description: string): void;
  /** Sends sound towards the peer. Any piece size; packets of 20 ms leave as soon as they are full, stamped by count of samples. */
  play(samples: Uint8Array): void;
  /**
   * Takes `count` samples of the peer's sound out of the jitter buffer; concealment or silence fills gaps. Up to `spare` of them may be
   * left out where they are not missed, and are not there in what it gives.
   */
  take(count: number, spare?: number): Uint8Array;
  /** Sends digits (0-9 * # A-D) as RFC 4733 events, or as tones in the sound when the peer does not take events. */
  sendDigits(digits: string): void;
  onDigit(listener: (digit: string) => void): void;
  /** The peer's hook flash, RFC 4733 event 16, once per press. */
  onFlash(listener: () => void): void;
  readonly statistics: MediaStatistics;
  close(): void;
}

export type MediaFault =
  | { readonly code: 'no-common-codec' }
  | { readonly code: 'bad-description'; readonly detail: string };

export interface MediaStatistics {
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
  readonly packetsLate: number;
  /** Pieces of 10 to 20 ms dropped or repeated because the peer's clock differs from this one's, or its delay changed. */
  readonly skewCorrections: number;
  readonly underruns: number;
  readonly overruns: number;
  readonly jitterMs: number;
  /** The peer's sound that waits in the jitter buffer now, and the delay beyond which the buffer shrinks. */
  readonly bufferMs: number;
  readonly targetMs: number;
  /** Sound made up for packets that were lost or late. */
  readonly concealedMs: number;
}
