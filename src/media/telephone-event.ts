import { isDigits } from '#media/dtmf.ts';

/** RFC 4733 §2.3: 4 bytes. */
const EVENT_LENGTH = 4;
const EVENT_KEYS = '0123456789*#ABCD';
/** Hook flash (RFC 2833 §3.10, kept in the registry of RFC 4733 §7). */
const FLASH_EVENT = 16;
/** Samples in one packet interval of 20 ms. */
const INTERVAL = 160;
/** 100 ms of tone, then 60 ms of pause, in packet intervals. */
const TONE_INTERVALS = 5;
const PAUSE_INTERVALS = 3;
/** The final packet is sent three times (RFC 4733 §2.5.1.4). */
const FINAL_PACKETS = 3;
/** Digits that may wait to be sent. */
const MAX_QUEUED = 64;

/** What `EventReceiver` says in place of a digit. */
export const FLASH = 'flash';

export interface EventPacket {
  readonly marker: boolean;
  /** The start of the event, on the time scale of the sound. */
  readonly timestamp: number;
  readonly payload: Uint8Array;
}

/** Turns digits into packets, one for each 20 ms of the sound that they replace. */
export class EventSender {
  #queue = '';
  #current: { readonly event: number; readonly timestamp: number } | undefined;
  #interval = 0;

  /** False when the digits are not 0-9 * # A-D or too many already wait. */
  enqueue(digits: string): boolean {
    if (!isDigits(digits) || this.#queue.length + digits.length > MAX_QUEUED) return false;
    this.#queue += digits;
    return true;
  }

  /** What to send in place of the 20 ms of sound that start at `timestamp`; undefined when the sound itself is to be sent. */
  next(timestamp: number): EventPacket | undefined {
    if (!this.#current) {
      const key = this.#queue[0];
      if (key === undefined) return undefined;
      this.#queue = this.#queue.slice(1);
      this.#current = { event: EVENT_KEYS.indexOf(key), timestamp };
      this.#interval = 0;
    }
    const { event, timestamp: started } = this.#current;
    const interval = this.#interval++;
    if (interval >= TONE_INTERVALS + FINAL_PACKETS - 1 + PAUSE_INTERVALS) {
      this.#current = undefined;
      return this.next(timestamp);
    }
    if (interval >= TONE_INTERVALS + FINAL_PACKETS - 1) return undefined;
    const payload = new Uint8Array(EVENT_LENGTH);
    payload[0] = event;
    // Volume: 10 dB below 0 dBm0.
    payload[1] = (interval >= TONE_INTERVALS - 1 ? 0x80 : 0) | 10;
    new DataView(payload.buffer).setUint16(2, INTERVAL * Math.min(interval + 1, TONE_INTERVALS));
    return { marker: interval === 0, timestamp: started, payload };
  }
}

/** Tells each event once, from whichever of its packets comes first. */
export class EventReceiver {
  #last: { readonly event: number; readonly timestamp: number } | undefined;

  /** The digit, or `flash`, when the packet begins an event not seen before. Anything else, and anything malformed, gives undefined. */
  receive(timestamp: number, payload: Uint8Array): string | undefined {
    const event = payload[0];
    if (payload.length < EVENT_LENGTH || event === undefined) return undefined;
    const digit = event === FLASH_EVENT ? FLASH : EVENT_KEYS[event];
    if (digit === undefined) return undefined;
    const last = this.#last;
    if (last && ((timestamp - last.timestamp) | 0) <= 0) return undefined;
    this.#last = { event, timestamp };
    return digit;
  }
}
