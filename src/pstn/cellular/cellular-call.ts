import { isDigits } from '#media/dtmf.ts';
import { FaxToneDetector } from '#media/fax-tones.ts';
import { silence } from '#media/g711.ts';
import type {
  AnswerSupervision,
  LineCall,
  LineCallStatistics,
  LineEvent,
  LineHangup,
  SampleExchange,
} from '#pstn/line.ts';
import { dialFailure } from '#pstn/modem/dial-failure.ts';
import { soundCodec } from '#pstn/modem/sound-codec.ts';
import { SilenceWatch } from '#pstn/supervision/silence-watch.ts';

/** Sound written ahead of what was read, in samples: 60 ms that cover the host's hesitations. */
const CUSHION = 480;
/** Half a second of sound that the module has not taken: more is dropped, since it would only come late. */
const MAX_BEHIND = 8000;
/** Keys on their way to the far end. */
const MAX_KEYS_WAITING = 64;

/** What a call needs of the module below it. */
export interface CellularControl {
  readonly answer: AnswerSupervision;
  /** Silence of both sides that ends the call, s; undefined: none does. */
  readonly silenceSeconds: number | undefined;
  /** Writes sound: 16 bits a sample. */
  write(bytes: Uint8Array): void;
  /** Bytes of it that the module has not taken yet. */
  unwritten(): number;
  /** The module takes no more sound. Told once a call. */
  stalled(): void;
  silent(): void;
  hangUp(): void;
  /** Resolves when the keys are sent, or the call is over. */
  press(keys: string): Promise<void>;
}

/**
 * A call over a cellular module. Its sound comes as 16-bit samples on a device of its own, and its clock is the only one: for every sample
 * heard one is played, after a cushion of 60 ms.
 */
export class CellularCall implements LineCall {
  readonly answer: AnswerSupervision;
  readonly ended: Promise<LineHangup>;
  readonly #control: CellularControl;
  readonly #codec = soundCodec('linear-16');
  readonly #digitListeners: ((digit: string) => void)[] = [];
  readonly #eventListeners: ((event: LineEvent) => void)[] = [];
  readonly #fax = new FaxToneDetector((tone) => this.event({ type: 'fax', tone }));
  readonly #silence: SilenceWatch | undefined;
  #exchange: SampleExchange = (heard) => silence(heard.length);
  #pressing = Promise.resolve();
  #keysWaiting = 0;
  #heard = 0;
  #played = 0;
  #underruns = 0;
  #overruns = 0;
  #isStalled = false;
  #over = false;
  #resolveEnded: (hangup: LineHangup) => void = () => {};

  constructor(control: CellularControl) {
    this.#control = control;
    this.answer = control.answer;
    const { silenceSeconds } = control;
    if (silenceSeconds !== undefined) this.#silence = new SilenceWatch(silenceSeconds, () => control.silent());
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  /** An overrun is a piece that the module did not take; an underrun a piece longer than the cushion, so that the module had run dry. */
  get statistics(): LineCallStatistics {
    return {
      bytesHeard: this.#heard,
      bytesPlayed: this.#played,
      underruns: this.#underruns,
      overruns: this.#overruns,
      givenBackMs: 0,
    };
  }

  connect(exchange: SampleExchange): void {
    this.#exchange = exchange;
  }

  onDigit(listener: (digit: string) => void): void {
    this.#digitListeners.push(listener);
  }

  onEvent(listener: (event: LineEvent) => void): void {
    this.#eventListeners.push(listener);
  }

  async flash(): Promise<void> {
    throw dialFailure({ code: 'modem', detail: 'a cellular module gives no hook flash' });
  }

  async sendDigits(digits: string): Promise<void> {
    if (!isDigits(digits)) {
      throw dialFailure({ code: 'modem', detail: 'digits to send must be 1 to 64 of 0-9 * # A-D' });
    }
    if (this.#over) return;
    if (this.#keysWaiting + digits.length > MAX_KEYS_WAITING) {
      const detail = `more than ${MAX_KEYS_WAITING} digits wait to be sent; these are dropped`;
      throw dialFailure({ code: 'modem', detail });
    }
    this.#keysWaiting += digits.length;
    this.#pressing = this.#pressing.then(() => (this.#over ? undefined : this.#control.press(digits)));
    await this.#pressing;
    this.#keysWaiting -= digits.length;
  }

  async hangUp(): Promise<void> {
    if (!this.#over) this.#control.hangUp();
    await this.ended;
  }

  /** A piece of sound as it was read. */
  hear(bytes: Uint8Array): void {
    const heard = this.#codec.decode(bytes);
    if (heard.length === 0) return;
    if (this.#heard === 0) this.#play(silence(CUSHION));
    else if (heard.length > CUSHION) this.#underruns++;
    this.#heard += heard.length;
    const played = this.#answerTo(heard);
    this.#fax.push(heard);
    this.#silence?.push(heard, played);
    this.#play(played);
  }

  digit(digit: string): void {
    for (const listener of this.#digitListeners) listener(digit);
  }

  event(event: LineEvent): void {
    for (const listener of this.#eventListeners) listener(event);
  }

  finish(hangup: LineHangup): void {
    this.#over = true;
    this.#resolveEnded(hangup);
  }

  /** The line stays in step whatever the exchange does. */
  #answerTo(heard: Uint8Array): Uint8Array {
    let answer: Uint8Array;
    try {
      answer = this.#exchange(heard, 0);
    } catch {
      return silence(heard.length);
    }
    if (answer.length === heard.length) return answer;
    const fitted = silence(heard.length);
    fitted.set(answer.subarray(0, heard.length));
    return fitted;
  }

  #play(samples: Uint8Array): void {
    if (this.#control.unwritten() > MAX_BEHIND) {
      this.#overruns++;
      if (this.#isStalled) return;
      this.#isStalled = true;
      this.#control.stalled();
      return;
    }
    this.#played += samples.length;
    this.#control.write(this.#codec.encode(samples));
  }
}
