import { decodeMulaw, silence } from '#media/g711.ts';
import { goertzelPower } from '#media/spectrum.ts';
import { ToneGenerator } from '#media/tones.ts';
import { concat } from '#platform/bytes.ts';

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

/** Keys as sound in mu-law: each `onMs` of the two tones and `offMs` of silence. Unknown keys are left out. */
export function dtmfSound(digits: string, onMs = 100, offMs = 80): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const digit of digits) {
    const frequencies = dtmfFrequencies(digit);
    if (frequencies) parts.push(new ToneGenerator(frequencies, 6000).next(onMs * 8), silence(offMs * 8));
  }
  return concat(...parts);
}

/** 12.75 ms: the shortest block that keeps the four row tones apart. */
const BLOCK = 102;
/** Both tones must hold for so many blocks in a row (38 ms), as Q.24 accepts 40 ms and refuses 20 ms. */
const BLOCKS_TO_ACCEPT = 3;
const BLOCKS_TO_RELEASE = 2;
/** Squared peak amplitude below which a tone is not a key (about -36 dBm0). */
const MIN_POWER = 300 * 300;
/** Share of the block's energy that the two tones must hold; speech and single tones fall short of it. */
const MIN_SHARE = 0.82;
/** Largest ratio of column to row power and of row to column power (Q.24: twist of 8 dB and 4 dB; some slack for lines). */
const MAX_TWIST = 8;
const MAX_REVERSE_TWIST = 8;
/** The best tone of a group must stand so far above the group's next one. */
const GROUP_MARGIN = 5;

/** Finds DTMF keys in a stream of mu-law sound; pieces may have any size. */
export class DtmfDetector {
  readonly #onKey: (digit: string) => void;
  #pending = new Uint8Array(0);
  #candidate: string | undefined;
  #agreeing = 0;
  #missing = 0;
  #held: string | undefined;

  /** `onKey` is called once per key press, about 40 ms after it began. */
  constructor(onKey: (digit: string) => void) {
    this.#onKey = onKey;
  }

  push(codes: Uint8Array): void {
    const all = this.#pending.length === 0 ? codes : concat(this.#pending, codes);
    let offset = 0;
    for (; offset + BLOCK <= all.length; offset += BLOCK) this.#block(keyIn(all.subarray(offset, offset + BLOCK)));
    this.#pending = all.slice(offset);
  }

  #block(key: string | undefined): void {
    if (key !== undefined && key === this.#candidate) this.#agreeing++;
    else {
      this.#candidate = key;
      this.#agreeing = key === undefined ? 0 : 1;
    }
    this.#missing = key === this.#held ? 0 : this.#missing + 1;
    if (this.#missing >= BLOCKS_TO_RELEASE) this.#held = undefined;
    if (this.#held === undefined && this.#candidate !== undefined && this.#agreeing >= BLOCKS_TO_ACCEPT) {
      this.#held = this.#candidate;
      this.#missing = 0;
      this.#onKey(this.#candidate);
    }
  }
}

function keyIn(block: Uint8Array): string | undefined {
  const samples = decodeMulaw(block);
  const row = strongest(samples, ROWS);
  const column = strongest(samples, COLUMNS);
  if (!row || !column) return undefined;
  if (column.power > row.power * MAX_TWIST || row.power > column.power * MAX_REVERSE_TWIST) return undefined;
  let energy = 0;
  for (const sample of samples) energy += sample * sample;
  // A sine of peak a has the mean square a²/2.
  const share = (row.power + column.power) / 2 / (energy / samples.length);
  return share < MIN_SHARE ? undefined : KEYS[row.index * 4 + column.index];
}

function strongest(samples: Int16Array, group: readonly number[]): { index: number; power: number } | undefined {
  const powers = group.map((frequency) => goertzelPower(samples, frequency));
  const power = Math.max(...powers);
  const index = powers.indexOf(power);
  const clear = powers.every((other, i) => i === index || other * GROUP_MARGIN < power);
  return power >= MIN_POWER && clear ? { index, power } : undefined;
}
