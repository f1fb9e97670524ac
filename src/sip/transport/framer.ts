import { concat } from '#platform/bytes.ts';
import { Failure } from '#platform/failure.ts';
import type { SipMessageFault } from '#sip/message/fault.ts';

/** A piece cut out of a byte stream. */
export type Frame = { readonly type: 'message'; readonly bytes: Uint8Array } | { readonly type: 'ping' };

export interface FramerLimits {
  readonly maxHeader: number;
  readonly maxBody: number;
}

const DEFAULT_FRAMER_LIMITS: FramerLimits = { maxHeader: 65_536, maxBody: 131_072 };

/**
 * Cuts a stream into SIP messages by Content-Length (RFC 3261 §18.3) and finds the double-CRLF pings of RFC 5626 §3.5.1.
 * Each octet is searched once, however small the pieces are that it comes in.
 */
export class StreamFramer {
  readonly #limits: FramerLimits;
  #buffer = Buffer.alloc(4096);
  #start = 0;
  #end = 0;
  /** Where the search for the end of the header goes on. */
  #searched = 0;
  /** Length of the message at the start of the buffer, once its header is there. */
  #expected: number | undefined;

  constructor(limits: FramerLimits = DEFAULT_FRAMER_LIMITS) {
    this.#limits = limits;
  }

  /** Throws `Failure<SipMessageFault>` when the stream cannot be cut any more; it has to be closed then. */
  push(chunk: Uint8Array): Frame[] {
    this.#append(chunk);
    const frames: Frame[] = [];
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) frames.push(frame);
    return frames;
  }

  #append(chunk: Uint8Array): void {
    const length = this.#end - this.#start;
    if (this.#end + chunk.length > this.#buffer.length) {
      const target =
        length + chunk.length > this.#buffer.length / 2 ? 2 * (length + chunk.length) : this.#buffer.length;
      const roomy = target === this.#buffer.length ? this.#buffer : Buffer.alloc(target);
      this.#buffer.copy(roomy, 0, this.#start, this.#end);
      this.#buffer = roomy;
      this.#searched -= this.#start;
      this.#start = 0;
      this.#end = length;
    }
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  #next(): Frame | undefined {
    if (this.#expected === undefined) {
      if (this.#skipLineEnds()) return { type: 'ping' };
      this.#expected = this.#findLength();
    }
    if (this.#expected === undefined || this.#end - this.#start < this.#expected) return undefined;
    const bytes = concat(this.#buffer.subarray(this.#start, this.#start + this.#expected));
    this.#start += this.#expected;
    this.#searched = this.#start;
    this.#expected = undefined;
    return { type: 'message', bytes };
  }

  /** Moves over line ends between messages; true when they were a ping. */
  #skipLineEnds(): boolean {
    while (this.#end - this.#start >= 4 && this.#isLineEnd(this.#start)) {
      const ping = this.#isLineEnd(this.#start + 2);
      this.#start += ping ? 4 : 2;
      this.#searched = this.#start;
      if (ping) return true;
    }
    return false;
  }

  #isLineEnd(at: number): boolean {
    return this.#buffer[at] === 0x0d && this.#buffer[at + 1] === 0x0a;
  }

  #findLength(): number | undefined {
    const found = this.#buffer
      .subarray(0, this.#end)
      .indexOf('\r\n\r\n', Math.max(this.#searched - 3, this.#start), 'latin1');
    this.#searched = this.#end;
    const headLength = (found < 0 ? this.#end : found) - this.#start;
    if (headLength > this.#limits.maxHeader) throw tooLarge('message');
    if (found < 0) return undefined;
    const head = this.#buffer.toString('latin1', this.#start, found + 2);
    // On a stream Content-Length is mandatory (RFC 3261 §20.14): without it the next message cannot be found.
    const match = /\r\n(?:content-length|l)[ \t]*:[ \t]*(\d{1,10})[ \t]*\r\n/i.exec(head);
    if (match === null) {
      const fault: SipMessageFault = { code: 'malformed', status: 400, at: 'content-length' };
      throw new Failure<SipMessageFault>(fault, 'A SIP message on a stream has no usable Content-Length');
    }
    const body = Number(match[1]);
    if (body > this.#limits.maxBody) throw tooLarge('body');
    return headLength + 4 + body;
  }
}

function tooLarge(at: string): Failure<SipMessageFault> {
  return new Failure<SipMessageFault>(
    { code: 'too-large', status: 513, at },
    `The SIP ${at} is longer than this element takes`,
  );
}
