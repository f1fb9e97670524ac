import type { Failure } from '#platform/failure.ts';
import type { LinkFault } from '#reload/link/link.ts';

/** What a datagram link is told by its channel. */
export interface DatagramObserver {
  /** One datagram, whole and authenticated. */
  datagram(bytes: Uint8Array): void;
  /** The end: an alert from the other side, or a hard ICMP error (RFC 6940 §6.6.3.1). */
  closed(reason: Failure<LinkFault>): void;
}

/**
 * An authenticated association that carries datagrams, for example DTLS: each may be lost, overtaken or doubled, and none is changed or
 * read by others (RFC 6940 §6.6.1).
 */
export interface DatagramChannel {
  /** Bytes of the largest datagram that the path takes in one IP packet. Larger ones are sent all the same and cut up by IP. */
  readonly mtu: number;
  /** From now on datagrams are handed up; what came before may be lost. */
  observe(observer: DatagramObserver): void;
  send(bytes: Uint8Array): void;
  /** Ends the association and tells the other side. The observer is not told. */
  close(): void;
}
