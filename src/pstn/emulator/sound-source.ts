import { dtmfSound } from '#media/dtmf.ts';
import { silence } from '#media/g711.ts';
import { cadenced, ToneSequence } from '#media/tone-sequence.ts';
import { ToneGenerator } from '#media/tones.ts';
import type { NetworkTone, SpecialTone } from '#pstn/countries/country.ts';

/** An endless supply of mu-law sound. */
export interface SoundSource {
  next(count: number): Uint8Array;
}

export const silentSource: SoundSource = { next: silence };

/** A steady tone of one or more frequencies in Hz. */
export function steadyTone(frequencies: readonly number[]): SoundSource {
  return new ToneGenerator(frequencies);
}

/** A recording, once; silence behind it. */
export function recording(samples: Uint8Array): SoundSource {
  let at = 0;
  return {
    next(count) {
      const out = silence(count);
      out.set(samples.subarray(at, at + count));
      at += count;
      return out;
    },
  };
}

/** A tone of the network with its cadence, from its first burst on. */
export function networkTone({ frequencies, cadence, modulation }: NetworkTone): SoundSource {
  return new ToneSequence({ steps: cadenced(frequencies, cadence, modulation) });
}

/** The special information tone, a second apart (ITU-T E.180 §8). */
export function specialTone({ frequencies, ms }: SpecialTone): SoundSource {
  const steps = frequencies.map((frequency) => ({ frequencies: [frequency], ms }));
  return new ToneSequence({ steps: [...steps, { frequencies: [], ms: 1000 }] });
}

/** The tone of a waiting call up to its longest pause, once. */
export function waitingTone({ frequencies, cadence, modulation }: NetworkTone): ToneSequence {
  const steps = cadenced(frequencies, cadence, modulation);
  const longest = Math.max(0, ...cadence.filter((_, i) => i % 2 === 1));
  const end = steps.findIndex(({ ms }, i) => i % 2 === 1 && ms === longest);
  return new ToneSequence({ steps: steps.slice(0, end < 0 ? steps.length : end), times: 1 });
}

/** A source over which digits can be laid. */
export class KeyedSource implements SoundSource {
  readonly #under: SoundSource;
  #keys = new Uint8Array(0);

  constructor(under: SoundSource) {
    this.#under = under;
  }

  press(digits: string): void {
    const more = dtmfSound(digits);
    const joined = new Uint8Array(this.#keys.length + more.length);
    joined.set(this.#keys);
    joined.set(more, this.#keys.length);
    this.#keys = joined;
  }

  next(count: number): Uint8Array {
    const out = this.#under.next(count).slice();
    out.set(this.#keys.subarray(0, count));
    this.#keys = this.#keys.slice(count);
    return out;
  }
}
