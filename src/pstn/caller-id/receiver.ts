import { DtmfDetector } from '#media/dtmf.ts';
import { FskReceiver } from '#media/fsk.ts';
import { SAMPLE_RATE } from '#media/tones.ts';
import { keyedCallerId } from '#pstn/caller-id/keyed.ts';
import { type CallerIdReport, checksumFits, isMessageType, readCallerIdMessage } from '#pstn/caller-id/message.ts';

/** Ones before a message: 80 at least by Telcordia GR-30, of which the first may be lost. */
const MIN_MARK_BITS = 30;
/** Ones within a message: up to 10 between two bytes (ETSI EN 300 659-1 §6.2.3). */
const MAX_PAUSE_BITS = 25;
/** Type, length, 255 bytes of data and the checksum. */
const MAX_MESSAGE = 258;
const MAX_KEYS = 64;
/** Keys further apart than 1 s belong to different messages; they come 140 ms apart (ETSI EN 300 659-1 annex B). */
const KEYS_APART = SAMPLE_RATE;

/**
 * Hears caller ID in the sound of a line that is on hook or between two rings, for modems that can't do it themselves: FSK of Bell 202 and V.23
 * with messages of one or several parameters, and DTMF. What does not fit its checksum is dropped.
 */
export class CallerIdReceiver {
  readonly #onReport: (report: CallerIdReport) => void;
  readonly #fsk: FskReceiver;
  readonly #dtmf: DtmfDetector;
  readonly #message = new Uint8Array(MAX_MESSAGE);
  /** Bytes of the message so far; 0 when none has begun. */
  #length = 0;
  #keys = '';
  #sinceKey = 0;

  constructor(onReport: (report: CallerIdReport) => void) {
    this.#onReport = onReport;
    this.#fsk = new FskReceiver({
      byte: (value, markBits) => this.#byte(value, markBits),
      lost: () => {
        this.#length = 0;
      },
    });
    this.#dtmf = new DtmfDetector((key) => this.#key(key));
  }

  /** Mu-law sound, in pieces of any size. */
  push(codes: Uint8Array): void {
    this.#sinceKey += codes.length;
    this.#fsk.push(codes);
    this.#dtmf.push(codes);
  }

  #byte(value: number, markBits: number): void {
    if (this.#length === 0 || markBits > MAX_PAUSE_BITS) {
      const begins = markBits >= MIN_MARK_BITS && isMessageType(value);
      this.#message[0] = value;
      this.#length = begins ? 1 : 0;
      return;
    }
    this.#message[this.#length++] = value;
    const whole = 3 + (this.#message[1] ?? 0);
    if (this.#length < Math.max(3, whole)) return;
    const message = this.#message.slice(0, whole);
    this.#length = 0;
    const report = checksumFits(message) ? readCallerIdMessage(message) : undefined;
    if (report) this.#onReport(report);
  }

  #key(key: string): void {
    if (this.#sinceKey > KEYS_APART || this.#keys.length >= MAX_KEYS) this.#keys = '';
    this.#sinceKey = 0;
    this.#keys += key;
    if (key !== '#' && key !== 'C') return;
    const block = keyedCallerId(this.#keys);
    this.#keys = '';
    if (block) this.#onReport({ type: 'call', kind: 'voice', block });
  }
}
