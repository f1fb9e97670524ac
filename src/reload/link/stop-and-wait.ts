import { addSample, type RoundTrip } from '#reload/link/round-trip.ts';

/** Copies of one message, the first included (RFC 6940 §6.6.3.1). */
const TRANSMISSIONS = 5;
/** The copy with which a link that has not answered becomes suspect: the third retransmission. */
const SUSPECT_AT = 4;
/** Before the round-trip time was ever measured, in milliseconds. */
const INITIAL_RTO = 500;
/** Far below RFC 6298's second, as RFC 6940 §6.6.3.1 has it, and still above what a busy event loop takes. */
const LEAST_RTO = 50;
/** What the last copy is given at least, in milliseconds: the other process may have stood still for a moment. */
const LAST_WAIT = 8000;
/** Between an ACK and the next message, in milliseconds. */
const PAUSE = 10;
/** Bytes of messages that wait; what comes beyond is lost, as in a full router. */
const MAX_WAITING_BYTES = 1 << 20;
/** Copies whose ACK still gives a round-trip time. */
const MAX_TIMED = 32;

export type Step =
  | { readonly type: 'idle' }
  | { readonly type: 'wait'; readonly until: number }
  | { readonly type: 'transmit'; readonly sequence: number; readonly message: Uint8Array }
  | { readonly type: 'give-up' };

interface InFlight {
  readonly message: Uint8Array;
  readonly sequences: Set<number>;
  copies: number;
  /** Until the next copy; doubles with each (RFC 6940 §6.6.3.1). */
  interval: number;
  due: number;
}

/**
 * The sender of RFC 6940 §6.6.3.1: one message at a time, repeated with a new sequence number until one of its copies is acknowledged.
 * Holds no timer: whoever drives it calls `next` when a message is queued, after each ACK, and when a wait is over. Times are milliseconds.
 */
export class StopAndWait {
  #nextSequence = 0;
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #inFlight: InFlight | undefined;
  #notBefore = 0;
  readonly #sentAt = new Map<number, number>();
  #roundTrip: RoundTrip | undefined;
  #suspected = false;

  /** RFC 6298, in whole milliseconds. */
  get rto(): number {
    return this.#roundTrip?.rto ?? INITIAL_RTO;
  }

  /** Three retransmissions in a row stayed without ACK. */
  get suspected(): boolean {
    return this.#suspected;
  }

  /** Nothing waits and nothing is on its way. */
  get empty(): boolean {
    return this.#inFlight === undefined && this.#waiting.length === 0;
  }

  /** False when too much waits already. */
  queue(message: Uint8Array): boolean {
    if (this.#waiting.length > 0 && this.#waitingBytes + message.length > MAX_WAITING_BYTES) return false;
    this.#waiting.push(message);
    this.#waitingBytes += message.length;
    return true;
  }

  /** Notes an ACK. Each number counts once; an ACK of any copy retires its message. */
  acknowledged(sequence: number, now: number): void {
    const sentAt = this.#sentAt.get(sequence);
    if (sentAt === undefined) return;
    this.#sentAt.delete(sequence);
    // Every copy has a number of its own, so no sample is ambiguous.
    this.#roundTrip = addSample(this.#roundTrip, now - sentAt, LEAST_RTO);
    this.#suspected = false;
    if (this.#inFlight?.sequences.has(sequence) !== true) return;
    this.#inFlight = undefined;
    this.#notBefore = now + PAUSE;
  }

  /** What is to be done now. After `transmit` ask again. */
  next(now: number): Step {
    const inFlight = this.#inFlight ?? this.#begin(now);
    if (inFlight === undefined) {
      return this.#waiting.length === 0 ? { type: 'idle' } : { type: 'wait', until: this.#notBefore };
    }
    if (now < inFlight.due) return { type: 'wait', until: inFlight.due };
    if (inFlight.copies === TRANSMISSIONS) return { type: 'give-up' };
    return this.#transmit(inFlight, now);
  }

  #begin(now: number): InFlight | undefined {
    if (now < this.#notBefore) return undefined;
    const message = this.#waiting.shift();
    if (message === undefined) return undefined;
    this.#waitingBytes -= message.length;
    this.#inFlight = { message, sequences: new Set(), copies: 0, interval: this.rto, due: now };
    return this.#inFlight;
  }

  #transmit(inFlight: InFlight, now: number): Step {
    const sequence = this.#nextSequence;
    this.#nextSequence = (sequence + 1) >>> 0;
    inFlight.sequences.add(sequence);
    inFlight.copies++;
    inFlight.due =
      now + (inFlight.copies === TRANSMISSIONS ? Math.max(inFlight.interval, LAST_WAIT) : inFlight.interval);
    inFlight.interval *= 2;
    if (inFlight.copies === SUSPECT_AT) this.#suspected = true;
    this.#sentAt.set(sequence, now);
    if (this.#sentAt.size > MAX_TIMED) {
      const [oldest] = this.#sentAt.keys();
      if (oldest !== undefined) this.#sentAt.delete(oldest);
    }
    return { type: 'transmit', sequence, message: inFlight.message };
  }
}
