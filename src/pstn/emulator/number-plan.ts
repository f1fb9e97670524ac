import type { HybridOptions } from '#pstn/emulator/hybrid.ts';

/** How the exchange treats one number, or the caller of a ring it makes. Times in ms, frequencies in Hz. */
export interface Party {
  /**
   * `no-answer` rings for ever, `busy` and `congestion` give these tones, `unobtainable` the special information tone over and over, `silent`
   * gives nothing at all.
   */
  readonly behaviour: (typeof behaviours)[number];
  /** Ringback before the answer. */
  readonly answerAfterMs: number;
  /** The tone that the party plays once the call is up; undefined for silence. */
  readonly sendHz?: number;
  /** A recording to play instead: mu-law, 8000 a second. */
  readonly sendSound?: Uint8Array;
  /** The line's hybrid sends what the subscriber says back, this much fainter. */
  readonly hybrid?: HybridOptions;
  /** White noise on the line. */
  readonly noiseDbm0?: number;
  /** Digits that the party presses, so long after the answer. */
  readonly sendDigits?: { readonly digits: string; readonly afterMs: number };
  /** The party hangs up by itself so long after the answer. */
  readonly hangUpAfterMs?: number;
  readonly hangUpHow?: HangUpHow;
  /** The exchange reverses the wires at the answer. */
  readonly reversal?: boolean;
  /** The party rings back so long after the call. */
  readonly callBack?: { readonly afterMs: number; readonly callerId: RingCallerId };
}

export const behaviours = ['answers', 'busy', 'congestion', 'unobtainable', 'no-answer', 'silent'] as const;

/** What the line gets when the far end hangs up. `silence`: nothing at all; `national`: what most lines of the country give first. */
export const hangUpHows = [
  'busy-tone',
  'congestion-tone',
  'special-information',
  'dial-tone',
  'loop-drop',
  'polarity-reversal',
  'silence',
  'national',
] as const;

export type HangUpHow = (typeof hangUpHows)[number];

/** A caller's number and name; 'P' and 'O' in their place mean withheld and out of area. */
export interface RingCallerId {
  readonly number?: string;
  readonly name?: string;
}

/** Number that calls back 3 s after it was called. */
export const CALLBACK_NUMBER = '1170';
export const BUSY_NUMBER = '5550000';
export const NO_ANSWER_NUMBER = '5550001';

const ordinary: Party = { behaviour: 'answers', answerAfterMs: 1500, sendHz: 523 };

const defaults: readonly (readonly [string, Party])[] = [
  [
    CALLBACK_NUMBER,
    {
      behaviour: 'answers',
      answerAfterMs: 500,
      sendHz: 659,
      callBack: { afterMs: 3000, callerId: { number: '5551170', name: 'CALLBACK TEST' } },
    },
  ],
  [BUSY_NUMBER, { behaviour: 'busy', answerAfterMs: 0 }],
  [NO_ANSWER_NUMBER, { behaviour: 'no-answer', answerAfterMs: 0 }],
];

const MAX_NUMBERS = 1000;

/** Who answers which number. A number that is not listed answers after 1.5 s with a tone of 523 Hz. */
export class NumberPlan {
  readonly #parties = new Map<string, Party>(defaults);

  set(number: string, party: Party): void {
    if (this.#parties.size < MAX_NUMBERS || this.#parties.has(number)) this.#parties.set(number, party);
  }

  find(number: string): Party {
    return this.#parties.get(number) ?? ordinary;
  }

  /** Whether dialling more digits could not lead to another listed number. */
  isWhole(digits: string): boolean {
    if (!this.#parties.has(digits)) return false;
    for (const number of this.#parties.keys()) if (number !== digits && number.startsWith(digits)) return false;
    return true;
  }
}
