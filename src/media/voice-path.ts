import { EchoCanceller, LONGEST_PIECE } from '#media/echo-canceller/echo-canceller.ts';
import { linearOf, mulawOf } from '#media/g711.ts';
import { AutomaticGain, LineLimiter } from '#media/gain.ts';
import type { MediaSession } from '#media/session.ts';

export interface VoicePathOptions {
  /** Whether the line's echo of the phone's own voice is removed. */
  readonly cancelEcho: boolean;
  /** Whether speech of the line is brought to the usual level. */
  readonly automaticGain: boolean;
}

export interface VoiceStatistics {
  /** From what is played to the line to its echo; undefined while there is none, or it was not found. */
  readonly echoDelayMs: number | undefined;
  /** By how much the canceller's linear part weakens the echo. */
  readonly echoLossDb: number;
  readonly gainDb: number;
  /** Sound that had to become quieter to stay within the legal level of the line. */
  readonly limitedMs: number;
}

/**
 * The sound of one call between a line and a media session. What the line brought loses its echo, gets the usual level and goes to
 * the phone; what the phone sent is kept within the legal level, goes to the line, and is what the echo is looked for in.
 */
export class VoicePath {
  readonly #session: MediaSession;
  readonly #echo: EchoCanceller | undefined;
  readonly #gain: AutomaticGain | undefined;
  readonly #limiter = new LineLimiter();
  readonly #piece = new Float64Array(LONGEST_PIECE);
  #limited = 0;
  /** Of `spare`, what is known. */
  #late = 0;

  constructor(session: MediaSession, options: VoicePathOptions) {
    this.#session = session;
    this.#echo = options.cancelEcho ? new EchoCanceller() : undefined;
    this.#gain = options.automaticGain ? new AutomaticGain() : undefined;
  }

  /**
   * The line is the master clock: as much as it heard is given back to play, or up to `spare` samples less, by which the line is late. When that
   * has grown, the line was played silence meanwhile. Mu-law both ways.
   */
  exchange(heard: Uint8Array, spare = 0): Uint8Array {
    if (spare > this.#late) {
      this.#echo?.paused(spare - this.#late);
      this.#late = spare;
    }
    const toLine = this.#session.take(heard.length, spare);
    const toPhone = new Uint8Array(heard.length);
    for (let at = 0; at < heard.length; at += LONGEST_PIECE) {
      const end = Math.min(at + LONGEST_PIECE, heard.length);
      this.#fromLine(heard.subarray(at, end), toPhone.subarray(at, end));
      this.#fromPhone(toLine.subarray(at, end));
    }
    this.#late -= heard.length - toLine.length;
    this.#session.play(toPhone);
    return toLine;
  }

  get statistics(): VoiceStatistics {
    const echo = this.#echo?.statistics;
    return {
      echoDelayMs: echo?.delayMs,
      echoLossDb: rounded(echo?.erleDb ?? 0),
      gainDb: rounded(this.#gain?.gainDb ?? 0),
      limitedMs: Math.round(this.#limited / 8),
    };
  }

  #fromLine(codes: Uint8Array, to: Uint8Array): void {
    const piece = this.#piece.subarray(0, codes.length);
    for (let i = 0; i < codes.length; i++) piece[i] = linearOf(codes[i] ?? 0);
    this.#echo?.cancel(piece);
    this.#gain?.process(piece);
    encode(piece, to);
  }

  /** Limits in place. */
  #fromPhone(codes: Uint8Array): void {
    const piece = this.#piece.subarray(0, codes.length);
    for (let i = 0; i < codes.length; i++) piece[i] = linearOf(codes[i] ?? 0);
    if (this.#limiter.process(piece)) {
      this.#limited += codes.length;
      encode(piece, codes);
    }
    this.#echo?.played(piece);
  }
}

function encode(samples: Float64Array, to: Uint8Array): void {
  for (let i = 0; i < samples.length; i++) {
    to[i] = mulawOf(Math.max(-32_768, Math.min(32_767, Math.round(samples[i] ?? 0))));
  }
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
