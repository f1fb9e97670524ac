import { addSample, INITIAL_RTO, type RoundTrip } from '#reload/link/round-trip.ts';

/** A suspected TLS link is kept this long before it counts as failed (RFC 6940 §6.6.5), in milliseconds. */
const GIVE_UP_AFTER = 30_000;
/** A peer that reads but never acknowledges costs at most this many entries. */
const MAX_UNACKNOWLEDGED = 65_536;

export type Verdict =
  | { readonly type: 'fine' }
  | { readonly type: 'look-again'; readonly at: number }
  | { readonly type: 'suspect'; readonly lookAgain: number }
  | { readonly type: 'give-up' };

/**
 * Which data frames of one link wait for their ACK, and what follows from it: on a TLS link nothing is sent again, but a frame without
 * an ACK for one RTO makes the link suspect, and 30 s more end it (RFC 6940 §6.6.5). Times are milliseconds and always handed in.
 */
export class SendWindow {
  #nextSequence = 0;
  readonly #sentAt = new Map<number, number>();
  #roundTrip: RoundTrip | undefined;
  #suspectedAt: number | undefined;

  get suspected(): boolean {
    return this.#suspectedAt !== undefined;
  }

  get rto(): number {
    return this.#roundTrip?.rto ?? INITIAL_RTO;
  }

  get overfull(): boolean {
    return this.#sentAt.size > MAX_UNACKNOWLEDGED;
  }

  /** Gives the sequence number of the frame that is sent now. */
  sent(now: number): number {
    const sequence = this.#nextSequence;
    this.#nextSequence = (sequence + 1) >>> 0;
    this.#sentAt.set(sequence, now);
    return sequence;
  }

  /** Notes an ACK. True when it ends a suspicion. ACKs of unknown or already retired numbers change nothing. */
  acknowledged(sequence: number, now: number): boolean {
    const sentAt = this.#sentAt.get(sequence);
    if (sentAt === undefined) return false;
    this.#sentAt.delete(sequence);
    this.#roundTrip = addSample(this.#roundTrip, now - sentAt);
    const recovered = this.#suspectedAt !== undefined;
    this.#suspectedAt = undefined;
    return recovered;
  }

  /** What the time says about the link. `moving`: the send buffer is still being drained, so a missing ACK proves nothing yet. */
  look(now: number, moving: boolean): Verdict {
    if (this.#suspectedAt !== undefined) {
      const end = this.#suspectedAt + GIVE_UP_AFTER;
      return now >= end ? { type: 'give-up' } : { type: 'look-again', at: end };
    }
    const [oldest] = this.#sentAt.values();
    if (oldest === undefined) return { type: 'fine' };
    const due = oldest + this.rto;
    if (now < due) return { type: 'look-again', at: due };
    if (moving) return { type: 'look-again', at: now + this.rto };
    this.#suspectedAt = now;
    return { type: 'suspect', lookAgain: now + GIVE_UP_AFTER };
  }
}
