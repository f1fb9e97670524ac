import { linearOf } from '#media/g711.ts';
import { dbm0OfPeak } from '#media/level.ts';

/** 20 ms: the pace at which turns are judged. */
const BLOCK = 160;
/** Below this nothing is a voice, dBm0; speech on a line lies at -30 to -10 (ITU-T P.56 levels). */
const LEAST_DBM0 = -42;
/** How far above the noise a voice stands, dB. */
const ABOVE_NOISE_DB = 9;
const QUIETEST_DBM0 = -70;
/** A cough is no speech: so long a voice must last before it counts. */
const ONSET = 480;
/** A pause between words is no end: so long a voice must be silent. */
const BRIDGED = 2400;
/** How fast the noise is taken to rise, dB a block: 5 dB a second, so that a steady hum is no voice for long. */
const NOISE_RISE_DB = 0.1;

/** Whether somebody speaks, by the level over the noise. Counts in samples, works on mu-law. */
export class VoiceActivity {
  #noise = LEAST_DBM0 - ABOVE_NOISE_DB;
  #energy = 0;
  #count = 0;
  #voicedFor = 0;
  #silentFor = 0;
  #speechFor = 0;

  /** For how many samples somebody has been speaking, with pauses of less than 300 ms; 0 while nobody does. */
  get speechFor(): number {
    return this.#speechFor;
  }

  /** For how many samples on end there has been none. */
  get silentFor(): number {
    return this.#silentFor;
  }

  push(mulaw: Uint8Array): void {
    for (const code of mulaw) {
      const sample = linearOf(code);
      this.#energy += sample * sample;
      if (++this.#count === BLOCK) this.#judge();
    }
  }

  /** A new stretch of sound begins; what is known of the noise stays. */
  restart(): void {
    this.#energy = 0;
    this.#count = 0;
    this.#voicedFor = 0;
    this.#silentFor = 0;
    this.#speechFor = 0;
  }

  #judge(): void {
    // A sine of peak a has the mean square a²/2.
    const level = Math.max(QUIETEST_DBM0, dbm0OfPeak(Math.sqrt((2 * this.#energy) / BLOCK)));
    this.#energy = 0;
    this.#count = 0;
    this.#noise = Math.min(level, this.#noise + NOISE_RISE_DB);
    const voiced = level > LEAST_DBM0 && level > this.#noise + ABOVE_NOISE_DB;
    this.#voicedFor = voiced ? this.#voicedFor + BLOCK : 0;
    this.#silentFor = voiced ? 0 : this.#silentFor + BLOCK;
    if (this.#silentFor >= BRIDGED) this.#speechFor = 0;
    else if (this.#speechFor > 0) this.#speechFor += BLOCK;
    else if (this.#voicedFor >= ONSET) this.#speechFor = this.#voicedFor;
  }
}
