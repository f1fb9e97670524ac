import { linearOf } from '#media/g711.ts';
import { peakOfDbm0 } from '#media/level.ts';
import { ToneFitter, type TonePair } from '#media/tone-fitter.ts';
import { ToneGroup } from '#media/tone-group.ts';
import { ToneSequence } from '#media/tone-sequence.ts';
import { SAMPLE_RATE } from '#media/tones.ts';
import { VoiceBand } from '#media/voice-band.ts';

/** ITU-T Q.23 §3: low and high group, Hz. */
const ROWS = [697, 770, 852, 941] as const;
const COLUMNS = [1209, 1336, 1477, 1633] as const;
const KEYS = '123A456B789C*0#D';

/** True for a non-empty text of at most 64 of 0-9 * # A-D. */
export function isDigits(text: string): boolean {
  return /^[0-9*#A-D]{1,64}$/.test(text);
}

/** The two frequencies of a key (ITU-T Q.23), undefined when it is none of 0-9 * # A-D. */
function dtmfFrequencies(key: string): readonly [number, number] | undefined {
  const index = key.length === 1 ? KEYS.indexOf(key) : -1;
  const row = ROWS[index >> 2];
  const column = COLUMNS[index & 3];
  return index < 0 || row === undefined || column === undefined ? undefined : [row, column];
}

/** Of each tone: within what ITU-T Q.24 table A-1 says receivers of all administrations take, and two of them do not clip. */
const KEY_LEVEL_DBM0 = -9;

/** Keys as sound in mu-law: each `onMs` of the two tones and `offMs` of silence. Unknown keys are left out. */
export function dtmfSound(digits: string, onMs = 100, offMs = 80): Uint8Array {
  const steps = [...digits].flatMap((digit) => {
    const frequencies = dtmfFrequencies(digit);
    return frequencies
      ? [
          { frequencies, ms: onMs },
          { frequencies: [], ms: offMs },
        ]
      : [];
  });
  const samples = (steps.length / 2) * ((onMs + offMs) * (SAMPLE_RATE / 1000));
  return new ToneSequence({ steps, times: 1, levelDbm0: KEY_LEVEL_DBM0 }).next(Math.round(samples));
}

/** 20 ms: tells row tones, 73 Hz apart, and is half the shortest key. */
const WINDOW = 160;
/** 5 ms between two looks. */
const HOP = 40;
const HOPS = WINDOW / HOP;
/**
 * Windows in a row that must hold a key. A tone that fills 87 % of a window makes it count, so a key of T ms counts in
 * (T - 15 ms) / 5 ms of them: 40 ms is accepted wherever it begins, 23 ms never (ITU-T Q.24 table A-1: 40 ms; AT&T: 23 ms).
 */
const WINDOWS_TO_ACCEPT = 5;
/** Of the last four windows so many must be filled by the key. */
const LAST = 4;
const FULL_WINDOWS = 3;
/** Windows without the key that end it: an interruption of 10 ms spoils 5 of them, a pause of 40 ms 11 (ITU-T Q.24 table A-1). */
const WINDOWS_TO_RELEASE = 8;
/** Weakest tone that is taken, and where looking begins: 2 dB below what is promised (-36 dBm0). */
const MIN_TONE_ENERGY = (WINDOW / 2) * peakOfDbm0(-38) ** 2;
/** Share of the energy that both tones hold together, in a window that counts and in one that is full: 15 dB of noise leave 0.97; speech falls short. */
const MIN_SHARE = 0.75;
const FULL_SHARE = 0.94;
/** A first, cheap look: frequencies off by 1.5 % and a window's edge leave so much of a key. */
const MIN_ROUGH_SHARE = 0.3;
/** ITU-T Q.24 table A-1: the high group up to 8 dB stronger, up to 4 dB weaker; 1.5 dB of slack each, as power ratios. */
const MAX_TWIST = 10 ** 0.95;
const MAX_REVERSE_TWIST = 10 ** 0.55;
/** ITU-T Q.24: 1.5 % + 2 Hz is accepted, 3.5 % refused. */
const MAX_OFFSET = 0.015;
const MAX_OFFSET_HZ = 3.5;
/** A key keeps its frequencies; the pitch of a voice moves. Between the windows of one key, relative. */
const MAX_DRIFT = 0.007;
/** And its level: 1.5 dB, as a power ratio. */
const MAX_SWELL = 10 ** 0.15;

interface Heard {
  readonly index: number;
  /** Relative deviation of both tones. */
  readonly low: number;
  readonly high: number;
  readonly lowEnergy: number;
  readonly highEnergy: number;
  readonly full: boolean;
}

/** Finds DTMF keys in a stream of mu-law sound; pieces may have any size. */
export class DtmfDetector {
  readonly #onKey: (digit: string) => void;
  readonly #band = new VoiceBand();
  readonly #fitter = new ToneFitter(WINDOW);
  readonly #rows = new ToneGroup(ROWS, HOP, HOPS);
  readonly #columns = new ToneGroup(COLUMNS, HOP, HOPS);
  /** The last window, the newest hop at its end. */
  readonly #window = new Float64Array(WINDOW);
  readonly #energies = new Float64Array(HOPS);
  #filled = 0;
  /** What the last windows in a row hold, all of the same key. */
  readonly #run: Heard[] = [];
  #agreeing = 0;
  #missing = 0;
  #held: number | undefined;

  /** `onKey` is called once per key press, about 40 ms after it began. */
  constructor(onKey: (digit: string) => void) {
    this.#onKey = onKey;
  }

  push(codes: Uint8Array): void {
    for (let i = 0; i < codes.length; i++) {
      this.#window[WINDOW - HOP + this.#filled++] = this.#band.filter(linearOf(codes[i] ?? 0));
      if (this.#filled < HOP) continue;
      this.#decide(this.#look());
      this.#window.copyWithin(0, HOP);
      this.#filled = 0;
    }
  }

  #decide(heard: Heard | undefined): void {
    const run = this.#run;
    if (heard === undefined || heard.index !== run[0]?.index) {
      run.length = 0;
      this.#agreeing = 0;
    }
    this.#missing = heard !== undefined && heard.index === this.#held ? 0 : this.#missing + 1;
    if (this.#missing >= WINDOWS_TO_RELEASE) this.#held = undefined;
    if (heard === undefined) return;
    run.push(heard);
    if (run.length > LAST) run.shift();
    this.#agreeing++;
    if (heard.index === this.#held || this.#agreeing < WINDOWS_TO_ACCEPT || !isKey(run)) return;
    this.#held = heard.index;
    this.#missing = 0;
    this.#onKey(KEYS.charAt(heard.index));
  }

  /** The key that the last window holds. */
  #look(): Heard | undefined {
    const newest = this.#window.subarray(WINDOW - HOP);
    this.#energies.copyWithin(0, 1);
    let sum = 0;
    for (let i = 0; i < HOP; i++) sum += (newest[i] ?? 0) ** 2;
    this.#energies[HOPS - 1] = sum;
    this.#rows.push(newest);
    this.#columns.push(newest);
    let energy = 0;
    for (let i = 0; i < HOPS; i++) energy += this.#energies[i] ?? 0;
    if (energy < 2 * MIN_TONE_ENERGY) return undefined;
    const row = this.#rows.strongest();
    const column = this.#columns.strongest();
    if (this.#rows.energy + this.#columns.energy < MIN_ROUGH_SHARE * energy) return undefined;
    return this.#confirm(row, column);
  }

  #confirm(row: number, column: number): Heard | undefined {
    const lowHz = ROWS[row] ?? 0;
    const highHz = COLUMNS[column] ?? 0;
    const pair = this.#fitter.fit(this.#window, lowHz, highHz);
    if (pair.share < MIN_SHARE || !balanced(pair)) return undefined;
    return {
      index: 4 * row + column,
      low: pair.low.offset / lowHz,
      high: pair.high.offset / highHz,
      lowEnergy: pair.low.energy,
      highEnergy: pair.high.energy,
      full: pair.share >= FULL_SHARE,
    };
  }
}

/** Whether windows in a row hold a key and not something like it: two steady tones of the right frequencies and little else. */
function isKey(run: readonly Heard[]): boolean {
  const full = run.filter((heard) => heard.full);
  const index = full[0]?.index;
  if (index === undefined || full.length < FULL_WINDOWS) return false;
  const lows = full.map(({ low }) => low);
  const highs = full.map(({ high }) => high);
  return (
    steady(lows, ROWS[index >> 2] ?? 0) &&
    steady(highs, COLUMNS[index & 3] ?? 0) &&
    level(full.map(({ lowEnergy }) => lowEnergy)) &&
    level(full.map(({ highEnergy }) => highEnergy))
  );
}

function steady(offsets: readonly number[], hz: number): boolean {
  const mean = offsets.reduce((sum, offset) => sum + offset, 0) / offsets.length;
  return Math.abs(mean) <= MAX_OFFSET + MAX_OFFSET_HZ / hz && Math.max(...offsets) - Math.min(...offsets) <= MAX_DRIFT;
}

function level(energies: readonly number[]): boolean {
  return Math.max(...energies) <= Math.min(...energies) * MAX_SWELL;
}

function balanced({ low, high }: TonePair): boolean {
  if (low.energy < MIN_TONE_ENERGY || high.energy < MIN_TONE_ENERGY) return false;
  return high.energy <= low.energy * MAX_TWIST && low.energy <= high.energy * MAX_REVERSE_TWIST;
}
