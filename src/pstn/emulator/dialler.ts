import { dtmfSound } from '#media/dtmf.ts';
import { silence } from '#media/g711.ts';
import type { LineCountry } from '#pstn/countries/country.ts';
import { ByteQueue } from '#pstn/emulator/byte-queue.ts';
import type { FinalResult } from '#pstn/modem/results.ts';
import { CallProgressDetector } from '#pstn/supervision/call-progress.ts';

export interface DialSettings {
  readonly country: LineCountry;
  /** Whether to dial without having heard a dial tone (X0, X1, X3). */
  readonly blind: boolean;
  /** How long to wait for an answer (S7), s. */
  readonly waitSeconds: number;
  /** Ringback gone for so long means answered (+VRA), 0.1 s. */
  readonly ringbackGone: number;
  /** Ringback that never came within so long means answered (+VRN), s. */
  readonly ringbackNever: number;
  /** OK right after dialling, the answer being the caller's affair. */
  readonly resultAtOnce: boolean;
}

const DIAL_TONE_MS = 5000;
const BLIND_MS = 2000;
const COMMA_MS = 2000;
const KEY_MS = 100;
const PAUSE_MS = 70;
const MAX_DIGITS = 64;

/**
 * Dials as a modem does in voice class: waits for dial tone, sends DTMF and listens. An answer can only be inferred
 * on an analog line: from voice, from ringback that stopped or never came, or from a reversal of the wires.
 */
export class Dialler {
  readonly #settings: DialSettings;
  readonly #onResult: (result: FinalResult) => void;
  readonly #tones = new ByteQueue();
  readonly #progress: CallProgressDetector;
  /** Each but the first is dialled after a dial tone of its own (`W`). */
  readonly #parts: string[];
  readonly #returns: boolean;
  #phase: 'dial-tone' | 'dialling' | 'waiting' | 'over' = 'dial-tone';
  #samples = 0;
  /** For the dial tone of a `W`, which even blind dialling waits for. */
  #waits = false;
  #lastRingback: number | undefined;

  /** `text` is what follows ATD: digits with modifiers (ITU-T V.250 §6.3.1). */
  constructor(text: string, settings: DialSettings, onResult: (result: FinalResult) => void) {
    this.#settings = settings;
    this.#onResult = onResult;
    this.#returns = text.includes(';') || settings.resultAtOnce;
    this.#parts = text
      .toUpperCase()
      .replace(/[^0-9*#A-D,W]/g, '')
      .slice(0, MAX_DIGITS)
      .replace(/^W+/, '')
      .split(/W+/);
    this.#progress = new CallProgressDetector(settings.country, {
      tone: (tone) => this.#tone(tone),
      voice: () => {
        if (this.#phase === 'waiting') this.#finish('VCON');
      },
    });
  }

  /** The exchange's answer signal, where it gives one. */
  reversed(): void {
    if (this.#phase === 'waiting') this.#finish('VCON');
  }

  /** What the modem sends to the line. */
  next(count: number): Uint8Array {
    const out = silence(count);
    if (this.#phase === 'dialling') out.set(this.#tones.take(count));
    return out;
  }

  hear(samples: Uint8Array): void {
    this.#samples += samples.length;
    this.#progress.push(samples);
    const ms = this.#samples / 8;
    if (this.#phase === 'dial-tone') this.#awaitDialTone(ms);
    else if (this.#phase === 'dialling' && this.#tones.length === 0) this.#dialled();
    else if (this.#phase === 'waiting') this.#awaitAnswer(ms);
  }

  #awaitDialTone(ms: number): void {
    if (this.#settings.blind && !this.#waits && ms >= BLIND_MS) this.#dial();
    else if (ms >= DIAL_TONE_MS) this.#finish('NO DIALTONE');
  }

  #awaitAnswer(ms: number): void {
    const { ringbackGone, ringbackNever, waitSeconds } = this.#settings;
    if (ms >= waitSeconds * 1000) this.#finish('NO ANSWER');
    else if (
      this.#lastRingback === undefined ? ms >= ringbackNever * 1000 : ms - this.#lastRingback >= ringbackGone * 100
    ) {
      this.#finish('VCON');
    }
  }

  #tone(tone: 'dial' | 'ringback' | 'busy'): void {
    if (this.#phase === 'dial-tone' && tone === 'dial') this.#dial();
    else if (this.#phase !== 'waiting') return;
    else if (tone === 'busy') this.#finish('BUSY');
    else if (tone === 'ringback') {
      // Told in a burst or at its end: by then the burst is over in any case, and the pause counts.
      this.#lastRingback = this.#samples / 8 + (this.#settings.country.ringback.cadence[0] ?? 0);
    }
  }

  #dial(): void {
    this.#phase = 'dialling';
    for (const digit of this.#parts.shift() ?? '') {
      this.#tones.push(digit === ',' ? silence(COMMA_MS * 8) : dtmfSound(digit, KEY_MS, PAUSE_MS));
    }
  }

  #dialled(): void {
    this.#samples = 0;
    this.#waits = this.#parts.length > 0;
    this.#phase = this.#waits ? 'dial-tone' : 'waiting';
    if (this.#waits) return;
    if (this.#returns) this.#finish('OK');
  }

  #finish(result: FinalResult): void {
    this.#phase = 'over';
    this.#onResult(result);
  }
}
