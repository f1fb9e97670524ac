/** A tone of a national network: its frequencies in Hz and its cadence in ms, on and off by turns; an empty cadence is steady. */
export interface NetworkTone {
  readonly frequencies: readonly number[];
  /** The first frequency is modulated in amplitude by this one, Hz (E.180 supplement 2 writes 400 × 25). */
  readonly modulation?: number;
  readonly cadence: readonly number[];
}

/** The special information tone: three frequencies one after the other, each so long (ITU-T E.180 §8). */
export interface SpecialTone {
  readonly frequencies: readonly [number, number, number];
  readonly ms: number;
}

/** What differs from country to country on an analog line. */
export interface LineCountry {
  /** ITU-T T.35 country code, two hexadecimal digits, for `+GCI`. */
  readonly t35: string;
  readonly dial: NetworkTone;
  readonly ringback: NetworkTone;
  readonly busy: NetworkTone;
  /** The same as `busy` where the network has one tone for both. */
  readonly congestion: NetworkTone;
  readonly special: SpecialTone;
  readonly callWaiting: NetworkTone | undefined;
  /** Ringing current: on and off by turns, ms. */
  readonly ringing: readonly number[];
  /** Whether the caller ID comes before the first ring (with a line reversal or a short ring) or after it. */
  readonly callerId: 'before-ring' | 'after-ring';
  /** How it is sent: by frequency shift as Bell 202 or ITU-T V.23 has it, or by DTMF. */
  readonly callerIdBy: 'bell-202' | 'v23' | 'dtmf';
  /** The first sign on most lines that the far end has hung up; it differs from exchange to exchange. */
  readonly clearing: 'busy' | 'congestion' | 'loop-drop';
}

/**
 * A row as it is written. A tone is its frequencies (`425`, `350+440`, modulated `400*25`), then its cadence in ms, on and off by
 * turns: `425 500 500`. Left out are congestion that sounds like busy, ringing current that goes with the ringback, the usual special
 * information tone, and caller ID after the first ring by V.23 (ETSI EN 300 659-1).
 */
export interface CountryRow {
  readonly t35: string;
  readonly dial: string;
  readonly ringback: string;
  readonly busy: string;
  readonly congestion?: string;
  readonly special?: string;
  readonly callWaiting?: string;
  readonly ringing?: string;
  readonly callerId?: LineCountry['callerId'];
  readonly callerIdBy?: LineCountry['callerIdBy'];
  readonly clearing?: LineCountry['clearing'];
}

/** E.180 §8: 950, 1400 and 1800 Hz, each 330 ms. */
const USUAL_SPECIAL = '950 1400 1800 330';
const LONGEST_MS = 20_000;

/** The row as data. Throws on one that is not written as it should be. */
export function countryOf(row: CountryRow): LineCountry {
  const busy = toneOf(row.busy);
  const ringback = toneOf(row.ringback);
  if (!/^[0-9A-F]{2}$/.test(row.t35)) throw new Error(`not a country code of ITU-T T.35: ${row.t35}`);
  return {
    t35: row.t35,
    dial: toneOf(row.dial),
    ringback,
    busy,
    congestion: row.congestion === undefined ? busy : toneOf(row.congestion),
    special: specialOf(row.special ?? USUAL_SPECIAL),
    callWaiting: row.callWaiting === undefined ? undefined : toneOf(row.callWaiting),
    ringing: row.ringing === undefined ? ringback.cadence : numbersOf(row.ringing, LONGEST_MS),
    callerId: row.callerId ?? 'after-ring',
    callerIdBy: row.callerIdBy ?? 'v23',
    clearing: row.clearing ?? 'busy',
  };
}

function toneOf(text: string): NetworkTone {
  const [sound = '', ...times] = text.split(' ');
  const cadence = times.length === 0 ? [] : numbersOf(times.join(' '), LONGEST_MS);
  if (cadence.length % 2 !== 0) throw new Error(`a cadence has a pause behind every burst: ${text}`);
  const [carrier = '', modulation] = sound.split('*');
  const frequencies = numbersOf(carrier.replace('+', ' '), 3400);
  if (modulation === undefined) return { frequencies, cadence };
  return { frequencies, modulation: numbersOf(modulation, 100)[0] ?? 0, cadence };
}

function specialOf(text: string): SpecialTone {
  const [first, second, third, ms] = numbersOf(text, 3400);
  if (first === undefined || second === undefined || third === undefined || ms === undefined) {
    throw new Error(`a special information tone has three frequencies and a length: ${text}`);
  }
  return { frequencies: [first, second, third], ms };
}

function numbersOf(text: string, most: number): readonly number[] {
  return text.split(' ').map((word) => {
    const value = Number(word);
    if (!/^\d+$/.test(word) || value < 1 || value > most) throw new Error(`not a number from 1 to ${most}: ${word}`);
    return value;
  });
}
