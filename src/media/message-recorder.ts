import { linearOf, mulawOf } from '#media/g711.ts';
import { dbm0OfPeak } from '#media/level.ts';
import type { SoundSink } from '#media/paced.ts';
import { SAMPLE_RATE } from '#media/tones.ts';
import { concat } from '#platform/bytes.ts';

export interface MessageRecorderOptions {
  readonly maxSeconds: number;
  /** So much silence at a stretch ends the message. */
  readonly silenceSeconds: number;
}

/** A message as it is to be kept. */
export interface RecordedMessage {
  /** Mu-law, without the silence at its end; empty when nobody spoke. */
  readonly sound: Uint8Array;
  /** How long somebody spoke. */
  readonly voiceMs: number;
  /** Of what was spoken; -Infinity when nothing was. */
  readonly levelDbm0: number;
}

/** 20 ms. */
const FRAME = 160;
const FRAME_MS = 20;
/** 10 s, a whole number of frames. */
const CHUNK = 500 * FRAME;
const NOTHING = new Uint8Array();
/** Louder than the noise by so much counts as voice. */
const VOICE_ABOVE_NOISE_DB = 10;
/** Voice is never looked for below (G.711 has -60 dBm0 and less as a line's own hiss), and always found above. */
const LEAST_VOICE_DBM0 = -48;
const SURE_VOICE_DBM0 = -30;
/** The noise estimate falls to each quieter frame at once and climbs 1 dB a second: speech pauses more often than that matters. */
const NOISE_CLIMB_DB = 0.02;
/** Shorter bursts are clicks. */
const LEAST_BURST_FRAMES = 3;
/** Kept behind the last voice. */
const TAIL = (300 * SAMPLE_RATE) / 1000;
/** A quiet speaker is raised to this, as far as the gain allows. */
const WANTED_LEVEL_DBM0 = -20;
const QUIET_DBM0 = -26;
const MOST_GAIN_DB = 15;

/** Keeps a message and notices when it is over. Time is counted in samples. */
export class MessageRecorder implements SoundSink {
  readonly #options: MessageRecorderOptions;
  readonly #onEnd: (end: 'silence' | 'length') => void;
  /** Pieces of `CHUNK` samples, so that a long message is never copied while it is spoken. */
  readonly #kept: Uint8Array[] = [];
  #length = 0;
  /** Samples whose frames were judged. */
  #judged = 0;
  #noise = Number.POSITIVE_INFINITY;
  #burst = 0;
  #voiced = 0;
  #voiceEnergy = 0;
  #lastVoice = 0;
  #isOver = false;

  /** `onEnd` is called at most once, when silence or the greatest length ends the message. */
  constructor(options: MessageRecorderOptions, onEnd: (end: 'silence' | 'length') => void) {
    this.#options = options;
    this.#onEnd = onEnd;
  }

  push(samples: Uint8Array): void {
    if (this.#isOver) return;
    const limit = this.#options.maxSeconds * SAMPLE_RATE;
    this.#keep(samples.subarray(0, limit - this.#length));
    for (; this.#judged + FRAME <= this.#length; this.#judged += FRAME) this.#judge();
    if (this.#length >= limit) this.#end('length');
    else if (this.#judged - this.#lastVoice >= this.#options.silenceSeconds * SAMPLE_RATE) this.#end('silence');
  }

  /** The message so far; nothing is taken any more. `cutMs` of its end go, for example the key that ended it. */
  finish(cutMs = 0): RecordedMessage {
    this.#isOver = true;
    const cut = (cutMs * SAMPLE_RATE) / 1000;
    const end = Math.max(0, Math.min(this.#length - cut, this.#lastVoice + TAIL));
    if (this.#voiced === 0) return { sound: NOTHING, voiceMs: 0, levelDbm0: Number.NEGATIVE_INFINITY };
    const levelDbm0 = levelOf(this.#voiceEnergy / this.#voiced);
    const sound = raised(concat(...this.#kept).subarray(0, end), levelDbm0);
    return { sound, voiceMs: this.#voiced * FRAME_MS, levelDbm0 };
  }

  #keep(samples: Uint8Array): void {
    for (let at = 0; at < samples.length; ) {
      const offset = this.#length % CHUNK;
      if (offset === 0) this.#kept.push(new Uint8Array(CHUNK));
      const piece = samples.subarray(at, at + CHUNK - offset);
      this.#kept.at(-1)?.set(piece, offset);
      at += piece.length;
      this.#length += piece.length;
    }
  }

  #judge(): void {
    const offset = this.#judged % CHUNK;
    const power = powerOf(this.#kept[Math.floor(this.#judged / CHUNK)]?.subarray(offset, offset + FRAME) ?? NOTHING);
    const level = levelOf(power);
    this.#noise = Math.min(level, this.#noise + NOISE_CLIMB_DB);
    const threshold = Math.max(LEAST_VOICE_DBM0, Math.min(SURE_VOICE_DBM0, this.#noise + VOICE_ABOVE_NOISE_DB));
    if (level < threshold) {
      this.#burst = 0;
      return;
    }
    this.#burst++;
    if (this.#burst < LEAST_BURST_FRAMES) return;
    this.#voiced += this.#burst === LEAST_BURST_FRAMES ? LEAST_BURST_FRAMES : 1;
    this.#voiceEnergy += power * (this.#burst === LEAST_BURST_FRAMES ? LEAST_BURST_FRAMES : 1);
    this.#lastVoice = this.#judged + FRAME;
  }

  #end(end: 'silence' | 'length'): void {
    this.#isOver = true;
    this.#onEnd(end);
  }
}

/** Mean square of a piece. */
function powerOf(codes: Uint8Array): number {
  let sum = 0;
  for (const code of codes) sum += linearOf(code) ** 2;
  return sum / codes.length;
}

/** A sine of peak a has the mean square a²/2. */
function levelOf(power: number): number {
  return power === 0 ? Number.NEGATIVE_INFINITY : dbm0OfPeak(Math.sqrt(2 * power));
}

function raised(sound: Uint8Array, levelDbm0: number): Uint8Array {
  if (levelDbm0 >= QUIET_DBM0) return sound;
  const gain = 10 ** (Math.min(MOST_GAIN_DB, WANTED_LEVEL_DBM0 - levelDbm0) / 20);
  // One look-up a sample: minutes of sound must not hold up other calls.
  const louder = Uint8Array.from({ length: 256 }, (_, code) => {
    return mulawOf(Math.max(-32_768, Math.min(32_767, Math.round(linearOf(code) * gain))));
  });
  const out = new Uint8Array(sound.length);
  for (let i = 0; i < out.length; i++) out[i] = louder[sound[i] ?? 0] ?? 0;
  return out;
}
