import { silence } from '#media/g711.ts';
import type { MediaSession } from '#media/session.ts';
import { SAMPLE_RATE } from '#media/tones.ts';
import type { Clock, Timer } from '#platform/clock.ts';

/** Sound to play, in mu-law. A tone generator is one. */
export interface SoundSource {
  next(count: number): Uint8Array;
}

export interface SoundSink {
  push(samples: Uint8Array): void;
}

const TICK_MS = 20;
/** After a stall of the process at most this much (1 s) is made up for. */
const MAX_CATCH_UP = SAMPLE_RATE;

/** Plays a source to a session and takes its sound into a sink at 8000 samples a second of the wall clock: a user agent without a sound device. */
export class PacedSound {
  readonly #clock: Clock;
  readonly #session: MediaSession;
  readonly #source: SoundSource;
  readonly #sink: SoundSink;
  #timer: Timer | undefined;
  #startedAt = 0;
  #samples = 0;

  constructor(clock: Clock, session: MediaSession, ends: { readonly source: SoundSource; readonly sink: SoundSink }) {
    this.#clock = clock;
    this.#session = session;
    this.#source = ends.source;
    this.#sink = ends.sink;
  }

  start(): void {
    this.#startedAt = this.#clock.now();
    this.#samples = 0;
    this.#timer = this.#clock.after(TICK_MS, () => this.#tick());
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #tick(): void {
    const due = Math.floor(((this.#clock.now() - this.#startedAt) * SAMPLE_RATE) / 1000) - this.#samples;
    const count = Math.max(0, Math.min(due, MAX_CATCH_UP));
    this.#samples += due;
    this.#session.play(this.#source.next(count));
    this.#sink.push(this.#session.take(count));
    this.#timer = this.#clock.after(TICK_MS, () => this.#tick());
  }
}

/** Plays a recording once, or over and over, then silence. */
export class RecordingSource implements SoundSource {
  readonly #sound: Uint8Array;
  readonly #repeat: boolean;
  #at = 0;

  constructor(sound: Uint8Array, repeat: boolean) {
    this.#sound = sound;
    this.#repeat = repeat;
  }

  next(count: number): Uint8Array {
    const out = silence(count);
    for (let i = 0; i < count; i++) {
      if (this.#at >= this.#sound.length && this.#repeat) this.#at = 0;
      out[i] = this.#sound[this.#at++] ?? 0xff;
    }
    return out;
  }
}

/** Keeps what it is given, up to a limit: the first `limitSeconds` of a call. */
export class Recorder implements SoundSink {
  readonly #limit: number;
  #kept = new Uint8Array(SAMPLE_RATE);
  #length = 0;

  constructor(limitSeconds: number) {
    this.#limit = limitSeconds * SAMPLE_RATE;
  }

  push(samples: Uint8Array): void {
    const taken = samples.subarray(0, Math.max(0, this.#limit - this.#length));
    if (this.#length + taken.length > this.#kept.length) {
      const larger = new Uint8Array(2 * this.#kept.length + taken.length);
      larger.set(this.#kept.subarray(0, this.#length));
      this.#kept = larger;
    }
    this.#kept.set(taken, this.#length);
    this.#length += taken.length;
  }

  /** Everything so far, mu-law. */
  get sound(): Uint8Array {
    return this.#kept.slice(0, this.#length);
  }
}
