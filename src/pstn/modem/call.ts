import { dtmfSound, isDigits } from '#media/dtmf.ts';
import { FaxToneDetector } from '#media/fax-tones.ts';
import { silence } from '#media/g711.ts';
import { concat } from '#platform/bytes.ts';
import { Failure } from '#platform/failure.ts';
import type {
  AnswerSupervision,
  DialFault,
  LineCall,
  LineCallStatistics,
  LineEvent,
  LineHangup,
  SampleExchange,
} from '#pstn/line.ts';
import { CUSHION, Cushion } from '#pstn/modem/cushion.ts';
import { dialFailure } from '#pstn/modem/dial-failure.ts';
import { shield } from '#pstn/modem/dle.ts';
import { OwnSound } from '#pstn/modem/own-sound.ts';
import type { SoundCodec } from '#pstn/modem/sound-codec.ts';
import type { PathSound, SoundPath } from '#pstn/modem/sound-path.ts';
import type { LineEar } from '#pstn/supervision/line-ear.ts';

const KEY_MS = 100;
const PAUSE_MS = 80;
/** 2 s, as S8 has it (ITU-T V.250 §6.3.8). */
const COMMA = 16_000;
/** Digits on their way to the line; a phone can press them faster than the line takes them. */
const MAX_DIGITS_WAITING = 64;

/** What a call needs of the modem below it. */
export interface CallControl {
  /** Milliseconds, as `Clock.now`. */
  now(): number;
  write(bytes: Uint8Array): void;
  hangUp(): void;
  /** Between mu-law and what the modem takes. */
  readonly codec: SoundCodec;
  /** For a modem whose sound goes one way at a time. */
  readonly halfDuplex?: (sound: PathSound) => SoundPath;
  /** Listens for what the modem does not report. */
  readonly ear: LineEar;
  /** Sends digits by +VTS; resolves when the stream runs again. undefined sends them as tones within the stream. */
  readonly signal: ((digits: string) => Promise<void>) | undefined;
  /** Interrupts the loop for a moment by +VTS; undefined where the modem can't. */
  readonly flash: (() => Promise<void>) | undefined;
}

/**
 * The sound of one call. The modem's clock is the only one: for every byte heard one byte is played, after a cushion of
 * 60 ms. When a hesitation outlasts the cushion the modem inserts silence, and what is written later plays that much
 * later: nothing is lost, and the exchange is asked to leave out as much where it is not missed.
 *
 * DTMF goes out as tones within the stream: +VTS works only outside of it (ITU-T V.253 §10.2.7), where the call would be
 * deaf and mute for the length of the digits.
 */
export class ModemCall implements LineCall {
  /** Known from the answer on, before which nobody has the call. */
  answer: AnswerSupervision = { kind: 'real', by: 'own-answer' };
  readonly halfDuplex: boolean;
  readonly ended: Promise<LineHangup>;
  readonly #control: CallControl;
  readonly #digitListeners: ((digit: string) => void)[] = [];
  readonly #eventListeners: ((event: LineEvent) => void)[] = [];
  readonly #path: SoundPath;
  readonly #fax = new FaxToneDetector((tone) => this.event({ type: 'fax', tone }));
  readonly #tones: { sound: Uint8Array; readonly played: () => void }[] = [];
  #digitsWaiting = 0;
  #signalling = Promise.resolve();
  #exchange: SampleExchange = (heard) => silence(heard.length);
  #heard = 0;
  #played = 0;
  readonly #cushion = new Cushion();
  #givenBack = 0;
  readonly #own = new OwnSound();
  #underruns = 0;
  #overruns = 0;
  #resolveEnded: (hangup: LineHangup) => void = () => {};
  #over = false;

  constructor(control: CallControl) {
    this.#control = control;
    this.halfDuplex = control.halfDuplex !== undefined;
    const sound: PathSound = {
      answer: (heard, spare) => this.#supervised(heard, this.#withTones(this.#answerTo(heard, spare))),
      play: (samples) => this.#play(samples),
    };
    this.#path = control.halfDuplex?.(sound) ?? this.#fullDuplex(sound);
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  get statistics(): LineCallStatistics {
    return {
      bytesHeard: this.#heard,
      bytesPlayed: this.#played,
      underruns: this.#underruns,
      overruns: this.#overruns,
      givenBackMs: Math.round(this.#givenBack / 8),
    };
  }

  /** Milliseconds since a voice came from the line; Infinity when none did. */
  get quietFor(): number {
    return this.#control.ear.quietFor;
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
    const { flash } = this.#control;
    if (flash === undefined) throw dialFailure({ code: 'modem', detail: 'it gives no hook flash' });
    if (!this.#over) await this.#signal(flash);
  }

  async sendDigits(digits: string): Promise<void> {
    if (!isDigits(digits)) {
      const detail = 'digits to send must be 1 to 64 of 0-9 * # A-D';
      throw new Failure<DialFault>({ code: 'modem', detail }, detail);
    }
    if (this.#over) return;
    if (this.#digitsWaiting + digits.length > MAX_DIGITS_WAITING) {
      const detail = `more than ${MAX_DIGITS_WAITING} digits wait to be sent; these are dropped`;
      throw new Failure<DialFault>({ code: 'modem', detail }, detail);
    }
    this.#digitsWaiting += digits.length;
    const { signal } = this.#control;
    await (signal === undefined ? this.#playTones(digits) : this.#signal(() => signal(digits)));
    this.#digitsWaiting -= digits.length;
  }

  async hangUp(): Promise<void> {
    if (!this.#over) this.#control.hangUp();
    await this.ended;
  }

  /** The stream begins, or begins anew after +VTS. */
  begin(way: 'both' | 'hear' | 'speak'): void {
    this.#path.begin(way);
  }

  /** A piece of the stream as it was read. */
  hear(samples: Uint8Array): void {
    // Not counted and not answered: the sound stops going round, and its absence tells that the modem is lost.
    if (this.#own.isEcho(samples)) return;
    this.#heard += samples.length;
    this.#path.hear(samples);
  }

  /** Plays the digits of a number into the stream; a comma is a pause. */
  dial(digits: string): void {
    const parts = [...digits].map((digit) => (digit === ',' ? silence(COMMA) : dtmfSound(digit, KEY_MS, PAUSE_MS)));
    this.#tones.push({ sound: concat(...parts), played: () => {} });
  }

  digit(digit: string): void {
    for (const listener of this.#digitListeners) listener(digit);
  }

  event(event: LineEvent): void {
    for (const listener of this.#eventListeners) listener(event);
  }

  count(what: 'underrun' | 'overrun'): void {
    if (what === 'underrun') {
      this.#underruns++;
      this.#cushion.underrun();
    } else {
      this.#overruns++;
      this.#cushion.overrun();
    }
  }

  finish(hangup: LineHangup): void {
    this.#over = true;
    this.#path.end();
    for (const tone of this.#tones.splice(0)) tone.played();
    this.#resolveEnded(hangup);
  }

  #supervised(heard: Uint8Array, played: Uint8Array): Uint8Array {
    this.#fax.push(heard);
    this.#control.ear.push(heard, played);
    return played;
  }

  /** The line stays in step whatever the exchange does. */
  #answerTo(samples: Uint8Array, spare: number): Uint8Array {
    let answer: Uint8Array;
    try {
      answer = this.#exchange(samples, spare);
    } catch {
      return silence(samples.length);
    }
    if (answer.length <= samples.length && answer.length >= samples.length - spare) return answer;
    const fitted = silence(samples.length);
    fitted.set(answer.subarray(0, samples.length));
    return fitted;
  }

  /** One +VTS at a time: between two of them the stream has to run. */
  #signal(signal: () => Promise<void>): Promise<void> {
    this.#signalling = this.#signalling.then(() => (this.#over ? undefined : signal()));
    return this.#signalling;
  }

  #playTones(digits: string): Promise<void> {
    return new Promise((resolve) => {
      this.#tones.push({ sound: dtmfSound(digits, KEY_MS, PAUSE_MS), played: resolve });
    });
  }

  #play(samples: Uint8Array): void {
    this.#played += samples.length;
    this.#control.write(shield(this.#control.codec.encode(this.#own.send(samples))));
  }

  /** Digits on their way out take the place of the far end's sound. */
  #withTones(samples: Uint8Array): Uint8Array {
    if (this.#tones.length === 0) return samples;
    const mixed = samples.slice();
    for (let at = 0; at < mixed.length; ) {
      const tone = this.#tones[0];
      if (tone === undefined) break;
      const piece = tone.sound.subarray(0, mixed.length - at);
      mixed.set(piece, at);
      at += piece.length;
      tone.sound = tone.sound.subarray(piece.length);
      if (tone.sound.length === 0) this.#tones.shift()?.played();
    }
    return mixed;
  }

  /** One sample out for each sample in, but for what is given back. Digits on their way out keep their length. */
  #fullDuplex(sound: PathSound): SoundPath {
    const cushion = this.#cushion;
    return {
      begin() {
        cushion.begin();
        sound.play(silence(CUSHION));
      },
      hear: (heard) => {
        cushion.heard(heard.length, this.#control.now());
        const answer = sound.answer(heard, this.#tones.length === 0 ? cushion.surplus : 0);
        cushion.written(answer.length);
        this.#givenBack += heard.length - answer.length;
        sound.play(answer);
      },
      end() {},
    };
  }
}
