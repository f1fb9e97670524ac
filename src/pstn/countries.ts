/** A tone of a national network: its frequencies in Hz and its cadence in ms, on and off by turns; an empty cadence is steady. */
export interface NetworkTone {
  readonly frequencies: readonly number[];
  readonly cadence: readonly number[];
}

/** What differs from country to country on an analog line. */
export interface LineCountry {
  /** ITU-T T.35 country code, two hexadecimal digits, for `+GCI`. */
  readonly t35: string;
  readonly dial: NetworkTone;
  readonly ringback: NetworkTone;
  readonly busy: NetworkTone;
  /** Ringing current: on and off by turns, ms. */
  readonly ringing: readonly number[];
  /** Whether the caller ID comes before the first ring (with a line reversal or a short ring) or after it. */
  readonly callerId: 'before-ring' | 'after-ring';
}

const rows = {
  US: {
    t35: 'B5',
    dial: { frequencies: [350, 440], cadence: [] },
    ringback: { frequencies: [440, 480], cadence: [2000, 4000] },
    busy: { frequencies: [480, 620], cadence: [500, 500] },
    ringing: [2000, 4000],
    callerId: 'after-ring',
  },
  GB: {
    t35: 'B4',
    dial: { frequencies: [350, 440], cadence: [] },
    ringback: { frequencies: [400, 450], cadence: [400, 200, 400, 2000] },
    busy: { frequencies: [400], cadence: [375, 375] },
    ringing: [400, 200, 400, 2000],
    callerId: 'before-ring',
  },
  DE: {
    t35: '42',
    dial: { frequencies: [425], cadence: [] },
    ringback: { frequencies: [425], cadence: [1000, 4000] },
    busy: { frequencies: [425], cadence: [480, 480] },
    ringing: [1000, 4000],
    callerId: 'after-ring',
  },
  FR: {
    t35: '3D',
    dial: { frequencies: [440], cadence: [] },
    ringback: { frequencies: [440], cadence: [1500, 3500] },
    busy: { frequencies: [440], cadence: [500, 500] },
    ringing: [1500, 3500],
    callerId: 'after-ring',
  },
} as const satisfies Record<string, LineCountry>;

/** ISO 3166 codes of the countries known so far (tones after ITU-T E.180 supplement 2). */
export type CountryCode = keyof typeof rows;

export const countries: Readonly<Record<CountryCode, LineCountry>> = rows;

export const countryCodes: readonly CountryCode[] = ['US', 'GB', 'DE', 'FR'];

/** Longest silence within the ringing or ringback of a country, ms. */
export function longestPause(cadence: readonly number[]): number {
  return cadence.reduce((longest, ms, i) => (i % 2 === 1 ? Math.max(longest, ms) : longest), 0);
}
