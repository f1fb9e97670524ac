import { DtmfDetector } from '#media/dtmf.ts';
import { MULAW_SILENCE } from '#media/g711.ts';
import { dbm0OfPeak } from '#media/level.ts';
import { dominantFrequencyOfMulaw, type Measurement } from '#media/spectrum.ts';

/** What was heard of one side of a call, measured from its sound. */
export interface HearingReport {
  /** Median of the tones of all windows that held a clean tone, Hz; null when there was none. */
  readonly heardHz: number | null;
  /** Level of that tone in dBm0. */
  readonly heardLevel: number | null;
  /** Windows of 0.2 s with a clean tone, and all that were measured. */
  readonly toneWindows: number;
  readonly windows: number;
  /** DTMF digits found in the sound. */
  readonly digits: string;
  readonly samples: number;
  /** Samples that were no silence. */
  readonly loudSamples: number;
}

const WINDOW = 1600;
const CLEAN = 0.6;
const MIN_AMPLITUDE = 200;
/** The first 5 s are measured whole, of the rest every tenth window: measuring one takes milliseconds. */
const WINDOWS_IN_FULL = 25;
const THEN_EVERY = 10;
const MAX_TONES = 2000;
const MAX_DIGITS = 256;
/** Ten minutes. */
const MAX_RECORDING = 8000 * 600;

/** Listens to mu-law sound: finds its tone and its digits, and keeps it when asked. */
export class Ear {
  readonly #tones: Measurement[] = [];
  readonly #dtmf: DtmfDetector;
  readonly #window = new Uint8Array(WINDOW);
  #filled = 0;
  #windows = 0;
  #measured = 0;
  #digits = '';
  #samples = 0;
  #loud = 0;
  #recording: Uint8Array[] | undefined;
  #recorded = 0;

  constructor(onDigit: (digit: string) => void) {
    this.#dtmf = new DtmfDetector((digit) => {
      if (this.#digits.length >= MAX_DIGITS) return;
      this.#digits += digit;
      onDigit(digit);
    });
  }

  /** Keeps the sound from here on, up to ten minutes. */
  record(): void {
    this.#recording = [];
    this.#recorded = 0;
  }

  get recorded(): Uint8Array {
    return Buffer.concat(this.#recording ?? []);
  }

  push(samples: Uint8Array): void {
    this.#samples += samples.length;
    for (const sample of samples) if ((sample | 0x80) !== MULAW_SILENCE) this.#loud++;
    this.#dtmf.push(samples);
    if (this.#recording && this.#recorded < MAX_RECORDING) {
      this.#recording.push(samples.slice());
      this.#recorded += samples.length;
    }
    for (let at = 0; at < samples.length; ) {
      const piece = samples.subarray(at, at + WINDOW - this.#filled);
      this.#window.set(piece, this.#filled);
      this.#filled += piece.length;
      at += piece.length;
      if (this.#filled === WINDOW) this.#measure();
    }
  }

  report(): HearingReport {
    const sorted = [...this.#tones].sort((a, b) => a.frequency - b.frequency);
    const median = sorted[sorted.length >> 1];
    return {
      heardHz: median === undefined ? null : Math.round(median.frequency * 10) / 10,
      heardLevel: median === undefined ? null : levelOf(median.amplitude),
      toneWindows: this.#tones.length,
      windows: this.#measured,
      digits: this.#digits,
      samples: this.#samples,
      loudSamples: this.#loud,
    };
  }

  #measure(): void {
    this.#filled = 0;
    this.#windows++;
    const due = this.#windows <= WINDOWS_IN_FULL || this.#windows % THEN_EVERY === 0;
    if (!due || this.#tones.length >= MAX_TONES) return;
    this.#measured++;
    const found = dominantFrequencyOfMulaw(this.#window);
    if (found && found.purity >= CLEAN && found.amplitude >= MIN_AMPLITUDE) this.#tones.push(found);
  }
}

function levelOf(amplitude: number): number {
  return Math.round(dbm0OfPeak(amplitude) * 10) / 10;
}
