import { decodeMulaw } from '#media/g711.ts';
import { goertzelPower } from '#media/spectrum.ts';
import { concat } from '#platform/bytes.ts';
import type { LineCountry, NetworkTone } from '#pstn/countries.ts';

type ProgressTone = 'dial' | 'ringback' | 'busy';

/** What one block of sound is. */
type BlockKind = 'silence' | 'other' | 'tone';

/** 40 ms: long enough to tell 440 from 480 Hz, short enough to time a cadence. */
const BLOCK = 320;
const BLOCK_MS = 40;
/** Mean square below which a block is silent: about -48 dBm0. */
const SILENCE = 90 * 90;
/** Share of the energy that a tone's frequencies hold together, and each of them at least. */
const SHARE_OF_ALL = 0.75;
const SHARE_OF_EACH = 0.15;
const CADENCE_TOLERANCE = 0.25;
/** A tone that nothing else shares frequencies with is known after so long. */
const UNIQUE_MS = 280;
/** Sound that is no network tone, so long: somebody answered. */
const VOICE_MS = 240;

/** Told of the tones of the network. All times are counted in samples. */
export interface ProgressListener {
  /** A dial tone or ringing tone is heard (once per burst), or a busy tone (after two bursts with its cadence). */
  tone(tone: ProgressTone): void;
  /** Sound that is no tone of the network has lasted 240 ms. Once per stretch. */
  voice(): void;
}

interface Track {
  readonly name: ProgressTone;
  readonly tone: NetworkTone;
  /** Whether no other tone of the country has the same frequencies. */
  readonly unique: boolean;
}

/**
 * Hears dial tone, ringing tone and busy tone of one country in mu-law sound. Tones of the same frequencies, as most of
 * Europe has them, are told apart by their cadence alone and so later.
 */
export class CallProgressDetector {
  readonly #tracks: readonly Track[];
  readonly #listener: ProgressListener;
  #pending = new Uint8Array(0);
  #heard: string | undefined;
  #onMs = 0;
  #offMs = 0;
  #reported = false;
  #otherMs = 0;
  #bursts: { readonly key: string; readonly onMs: number; readonly gapMs: number }[] = [];

  constructor(country: LineCountry, listener: ProgressListener) {
    const tones = [
      { name: 'dial', tone: country.dial },
      { name: 'ringback', tone: country.ringback },
      { name: 'busy', tone: country.busy },
    ] as const;
    this.#tracks = tones.map(({ name, tone }) => ({
      name,
      tone,
      unique: tones.every((other) => other.name === name || keyOf(other.tone) !== keyOf(tone)),
    }));
    this.#listener = listener;
  }

  push(codes: Uint8Array): void {
    const all = this.#pending.length === 0 ? codes : concat(this.#pending, codes);
    let offset = 0;
    for (; offset + BLOCK <= all.length; offset += BLOCK)
      this.#block(decodeMulaw(all.subarray(offset, offset + BLOCK)));
    this.#pending = all.slice(offset);
  }

  #block(samples: Int16Array): void {
    const { kind, key } = this.#classify(samples);
    this.#countVoice(kind);
    if (key === this.#heard) {
      if (key === undefined) this.#offMs += BLOCK_MS;
      else this.#continueBurst(key);
      return;
    }
    if (this.#heard !== undefined) this.#endBurst(this.#heard);
    this.#heard = key;
    this.#reported = false;
    if (key === undefined) this.#offMs = BLOCK_MS;
    else this.#onMs = BLOCK_MS;
  }

  #classify(samples: Int16Array): { readonly kind: BlockKind; readonly key: string | undefined } {
    let energy = 0;
    for (const sample of samples) energy += sample * sample;
    energy /= samples.length;
    if (energy < SILENCE) return { kind: 'silence', key: undefined };
    for (const { tone } of this.#tracks) {
      if (holds(samples, tone, energy)) return { kind: 'tone', key: keyOf(tone) };
    }
    return { kind: 'other', key: undefined };
  }

  #countVoice(kind: BlockKind): void {
    this.#otherMs = kind === 'other' ? this.#otherMs + BLOCK_MS : 0;
    if (this.#otherMs === VOICE_MS) this.#listener.voice();
  }

  #continueBurst(key: string): void {
    this.#onMs += BLOCK_MS;
    if (this.#reported) return;
    for (const { name, tone, unique } of this.#tracks) {
      if (keyOf(tone) !== key || name === 'busy') continue;
      const steady = tone.cadence.length === 0;
      if (this.#onMs < (unique ? UNIQUE_MS : steady ? this.#longestBurst(key) * 1.25 : Number.POSITIVE_INFINITY))
        continue;
      this.#reported = true;
      this.#listener.tone(name);
    }
  }

  #longestBurst(key: string): number {
    const bursts = this.#tracks
      .filter(({ tone }) => keyOf(tone) === key)
      .flatMap(({ tone }) => tone.cadence.filter((_, i) => i % 2 === 0));
    return Math.max(UNIQUE_MS, ...bursts);
  }

  #endBurst(key: string): void {
    this.#bursts = [...this.#bursts.slice(-1), { key, onMs: this.#onMs, gapMs: this.#offMs }];
    for (const { name, tone, unique } of this.#tracks) {
      if (keyOf(tone) !== key || tone.cadence.length === 0) continue;
      if (name === 'busy' ? this.#isBusy(tone) : !unique && near(this.#onMs, tone.cadence[0] ?? 0)) {
        this.#listener.tone(name);
      }
    }
  }

  /** Two bursts of the right length with the right pause between them. */
  #isBusy(tone: NetworkTone): boolean {
    const [first, second] = this.#bursts;
    const [on = 0, off = 0] = tone.cadence;
    if (first === undefined || second === undefined || first.key !== second.key) return false;
    return near(first.onMs, on) && near(second.onMs, on) && near(second.gapMs, off);
  }
}

function holds(samples: Int16Array, tone: NetworkTone, energy: number): boolean {
  let sum = 0;
  for (const frequency of tone.frequencies) {
    // A sine of peak a has the mean square a²/2.
    const share = goertzelPower(samples, frequency) / 2 / energy;
    if (share < SHARE_OF_EACH) return false;
    sum += share;
  }
  return sum >= SHARE_OF_ALL;
}

function near(ms: number, wanted: number): boolean {
  return Math.abs(ms - wanted) <= Math.max(BLOCK_MS * 2, wanted * CADENCE_TOLERANCE);
}

function keyOf(tone: NetworkTone): string {
  return tone.frequencies.join('+');
}
