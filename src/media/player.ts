import { MULAW_SILENCE, silence } from '#media/g711.ts';
import type { SoundSource } from '#media/paced.ts';

/** A sound that comes to an end. A tone sequence is one. */
export interface FiniteSound extends SoundSource {
  /** Whether nothing but silence follows. */
  readonly over: boolean;
}

/** A recording in mu-law, played once. */
export class Clip implements FiniteSound {
  readonly #sound: Uint8Array;
  #at = 0;

  constructor(sound: Uint8Array) {
    this.#sound = sound;
  }

  get over(): boolean {
    return this.#at >= this.#sound.length;
  }

  next(count: number): Uint8Array {
    const out = new Uint8Array(count).fill(MULAW_SILENCE);
    out.set(this.#sound.subarray(this.#at, this.#at + count));
    this.#at += count;
    return out;
  }
}

/** Plays one sound at a time to whoever takes samples from it, and tells when it was played to its end. */
export class Player implements SoundSource {
  #sound: FiniteSound | undefined;
  #told: ((end: 'over' | 'stopped') => void) | undefined;

  /** What played before stops. Resolves `over` once the last sample was taken, `stopped` when it was cut short. */
  play(sound: FiniteSound): Promise<'over' | 'stopped'> {
    this.stop();
    if (sound.over) return Promise.resolve('over');
    this.#sound = sound;
    return new Promise((resolve) => {
      this.#told = resolve;
    });
  }

  stop(): void {
    this.#end('stopped');
  }

  next(count: number): Uint8Array {
    if (this.#sound === undefined) return silence(count);
    const samples = this.#sound.next(count);
    if (this.#sound.over) this.#end('over');
    return samples;
  }

  #end(end: 'over' | 'stopped'): void {
    const told = this.#told;
    this.#sound = undefined;
    this.#told = undefined;
    told?.(end);
  }
}
