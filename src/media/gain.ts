import { peakOfDbm0 } from '#media/level.ts';

/** Sound is judged in pieces of 10 ms. */
const PIECE = 80;
/** Powers of 16-bit samples, of a level in dBm0. */
const powerOf = (dbm0: number) => peakOfDbm0(dbm0) ** 2 / 2;
/** The level that telephone networks are planned for: active speech at about -19 dBm0 (ITU-T G.169 §6, with P.56 for the measure). */
const WANTED_DBM0 = -19;
const WANTED = powerOf(WANTED_DBM0);
/** Never more or less than that, in amplitude: 12 dB. */
const MOST = 10 ** (12 / 20);
const LEAST = 1 / MOST;
/** Speech stands above this level and by 9 dB above the background. */
const FAINTEST = powerOf(-46);
const ABOVE_BACKGROUND = 8;
/** The background's estimate falls at once and rises by 3 dB a second. */
const BACKGROUND_RISE = 10 ** (0.3 / 100);
/** The level of speech is a mean over 3 s of speech; over what there was of it in the beginning. */
const MEMORY = 300;
/** Speech must have been heard for so long (0.3 s) before the gain moves. */
const LISTEN = 30;
/** The gain moves by at most 3 dB a second up and 6 dB a second down, and only while there is speech. */
const UP = 10 ** (3 / 20 / 100);
const DOWN = 10 ** (-6 / 20 / 100);
/** Within 1 dB of what is wanted it stays. */
const CLOSE = 10 ** (1 / 20);
/** What leaves stays below this, of 32767: mu-law clips at 32,635 (ITU-T G.711). */
const PEAK = 31_000;

/**
 * Brings the speech that a line carries to the usual level, slowly and by 12 dB at most. In silence the gain stays as it is, so
 * that noise is not pulled up between words, and before a sample could clip it gives way.
 */
export class AutomaticGain {
  #gain = 1;
  #level = 0;
  #heard = 0;
  #background = FAINTEST;
  #applied = 1;

  get gainDb(): number {
    return 20 * Math.log10(this.#gain);
  }

  /** Changes up to 80 samples, of the scale of 16 bits, in place. */
  process(samples: Float64Array): void {
    const { power, peak } = measure(samples);
    this.#listen(power, samples.length / PIECE);
    let now = this.#gain;
    if (peak * now > PEAK) now = PEAK / peak;
    ramp(samples, Math.min(this.#applied, peak > 0 ? PEAK / peak : this.#applied), now);
    this.#applied = now;
  }

  #listen(power: number, pieces: number): void {
    const speaks = power > FAINTEST && power > ABOVE_BACKGROUND * this.#background;
    this.#background = Math.min(Math.max(power, 1), this.#background * BACKGROUND_RISE ** pieces);
    if (!speaks) return;
    this.#heard = Math.min(MEMORY, this.#heard + pieces);
    this.#level += (pieces / this.#heard) * (power - this.#level);
    if (this.#heard < LISTEN) return;
    const wanted = Math.min(MOST, Math.max(LEAST, Math.sqrt(WANTED / this.#level)));
    if (wanted > this.#gain * CLOSE) this.#gain = Math.min(wanted, this.#gain * UP ** pieces);
    else if (wanted * CLOSE < this.#gain) this.#gain = Math.max(wanted, this.#gain * DOWN ** pieces);
  }
}

/**
 * What may be sent into a public telephone line: -9 dBm as a mean over any 3 s (FCC 47 CFR 68.308(b)(1); ETSI TBR 21 §4.7.3 has
 * -9.7 dBV, which is stricter on a line of more than 600 ohms only). Taken as dBm0: that the modem plays 0 dBm0 as 0 dBm is the
 * usual alignment, and not measured here.
 */
const LEGAL_DBM0 = -9;
/** The means of one second are held 2.2 dB below, and no 10 ms are louder than -3 dBm0: so no 3 s can exceed the limit. */
const HELD = powerOf(LEGAL_DBM0 - 2.2);
const LOUDEST = powerOf(-3);
const SECOND = 100;
/** After it had to give way the gain returns by 6 dB a second. */
const RETURN = 10 ** (6 / 20 / 100);

/** Keeps what goes to the line within the legal level, without a delay. Speech of ordinary level passes untouched. */
export class LineLimiter {
  readonly #powers = new Float64Array(SECOND);
  #at = 0;
  #sum = 0;
  #gain = 1;

  /** Changes up to 80 samples, of the scale of 16 bits, in place. True when they had to become quieter. */
  process(samples: Float64Array): boolean {
    if (samples.length === 0) return false;
    const { power } = measure(samples);
    const energy = (power * samples.length) / PIECE;
    this.#sum += energy - (this.#powers[this.#at] ?? 0);
    this.#powers[this.#at] = energy;
    this.#at = (this.#at + 1) % SECOND;
    const mean = Math.max(0, this.#sum) / SECOND;
    const most = Math.min(1, Math.sqrt(HELD / Math.max(mean, 1)), Math.sqrt(LOUDEST / Math.max(power, 1)));
    const gain = Math.min(most, this.#gain * RETURN);
    if (gain === 1 && this.#gain === 1) return false;
    ramp(samples, Math.min(this.#gain, most), gain);
    this.#gain = gain;
    return true;
  }
}

function measure(samples: Float64Array): { readonly power: number; readonly peak: number } {
  let sum = 0;
  let peak = 0;
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i] ?? 0;
    sum += sample * sample;
    peak = Math.max(peak, Math.abs(sample));
  }
  return { power: sum / Math.max(1, samples.length), peak };
}

/** Multiplies by a gain that goes evenly from the one value to the other. */
function ramp(samples: Float64Array, from: number, to: number): void {
  if (from === 1 && to === 1) return;
  const step = (to - from) / samples.length;
  let gain = from;
  for (let i = 0; i < samples.length; i++) {
    gain += step;
    samples[i] = (samples[i] ?? 0) * gain;
  }
}
