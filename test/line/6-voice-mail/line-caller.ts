import { decodeMulaw, encodeMulaw, silence } from '#media/g711.ts';
import { goertzelPower } from '#media/spectrum.ts';
import { concat } from '#platform/bytes.ts';
import type { LineCall, LineHangup, SampleExchange } from '#pstn/line.ts';
import type { VirtualClock } from '../../simulation/virtual-clock.ts';

/** 20 ms. */
const BLOCK = 160;

/** Somebody on the line: what they say goes in, what they hear is kept. Time passes with the sound. */
export class LineCaller {
  readonly #clock: VirtualClock;
  #exchange: SampleExchange = (heard) => silence(heard.length);
  #onDigit: (digit: string) => void = () => {};
  #hungUp: (cause: LineHangup) => void = () => {};
  readonly #heard: Uint8Array[] = [];
  readonly call: LineCall;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
    this.call = {
      answer: { kind: 'real', by: 'own-answer' },
      connect: (exchange) => {
        this.#exchange = exchange;
      },
      onDigit: (listener) => {
        this.#onDigit = listener;
      },
      onEvent: () => {},
      sendDigits: async () => {},
      flash: async () => {},
      hangUp: async () => {},
      ended: new Promise((resolve) => {
        this.#hungUp = resolve;
      }),
      statistics: { bytesHeard: 0, bytesPlayed: 0, underruns: 0, overruns: 0, givenBackMs: 0 },
    };
  }

  async says(sound: Uint8Array): Promise<void> {
    for (let at = 0; at + BLOCK <= sound.length; at += BLOCK) await this.#block(sound.subarray(at, at + BLOCK));
  }

  listens(seconds: number): Promise<void> {
    return this.says(silence(seconds * 8000));
  }

  /** Says nothing until something is so; throws after `seconds` of the call. */
  async until(condition: () => boolean, seconds = 60): Promise<void> {
    for (let left = seconds * 50; !condition(); left--) {
      if (left === 0) throw new Error(`it did not become so within ${seconds} s of the call`);
      await this.#block(silence(BLOCK));
    }
  }

  presses(digits: string): void {
    for (const digit of digits) this.#onDigit(digit);
  }

  async hangsUp(): Promise<void> {
    this.#hungUp('busy-tone');
    await this.#clock.advance(1);
  }

  /** Waits for a tone to be played and to end. */
  async hears(frequency: number): Promise<void> {
    await this.until(() => this.#isTone(frequency));
    await this.until(() => !this.#isTone(frequency), 10);
  }

  /** Everything so far, mu-law. */
  get heard(): Uint8Array {
    return concat(...this.#heard);
  }

  /** Bursts of a tone heard from the `since`th sample on. */
  bursts(frequency: number, since = 0): number {
    return burstsIn(this.#heard.slice(Math.floor(since / BLOCK)), frequency);
  }

  #isTone(frequency: number): boolean {
    const last = this.#heard.at(-1);
    return last !== undefined && isTone(last, frequency);
  }

  async #block(sound: Uint8Array): Promise<void> {
    this.#heard.push(this.#exchange(sound, 0));
    await this.#clock.advance(20);
  }
}

export function burstsIn(blocks: readonly Uint8Array[], frequency: number): number {
  const tones = blocks.map((block) => isTone(block, frequency));
  return tones.filter((tone, i) => tone && tones[i - 1] !== true).length;
}

function isTone(block: Uint8Array, frequency: number): boolean {
  const samples = decodeMulaw(block);
  let energy = 0;
  for (const sample of samples) energy += sample * sample;
  const mean = energy / samples.length;
  return mean > 200_000 && goertzelPower(samples, frequency) / 2 / mean > 0.7;
}

/** Something like a voice: harmonics of a gliding pitch in syllables, with pauses. `amplitude` of 32767. */
export function voice(seconds: number, amplitude = 6000): Uint8Array {
  const samples = new Int16Array(seconds * 8000);
  let phase = 0;
  for (let i = 0; i < samples.length; i++) {
    const t = i / 8000;
    phase += (2 * Math.PI * (120 + 30 * Math.sin(3 * t))) / 8000;
    const syllable = Math.max(0, Math.sin(2 * Math.PI * 3.3 * t)) * (t % 2.5 < 2 ? 1 : 0);
    let sum = 0;
    for (let harmonic = 1; harmonic <= 12; harmonic++) sum += Math.sin(harmonic * phase) / harmonic;
    samples[i] = Math.round((amplitude * syllable * sum) / 2);
  }
  return encodeMulaw(samples);
}

/** White noise of about the given level in dBm0. */
export function noise(seconds: number, dbm0: number): Uint8Array {
  const rms = (32_124 / Math.SQRT2) * 10 ** ((dbm0 - 3.17) / 20);
  let state = 12_345;
  return encodeMulaw(
    Int16Array.from({ length: seconds * 8000 }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return Math.round((state / 2 ** 32 - 0.5) * Math.sqrt(12) * rms);
    }),
  );
}
