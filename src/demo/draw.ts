import { type Random, randomBelow } from '#platform/random.ts';

/** What a run draws anew, so that no result can be a leftover or a constant. */
export interface Draw {
  /** Tones in Hz: what the phone sends, and what the exchange sends in the call out and in the call in. */
  readonly phoneHz: number;
  readonly outboundHz: number;
  readonly inboundHz: number;
  readonly digits: string;
  /** E.164 numbers: the one the phone dials, and the one that calls in. */
  readonly called: string;
  readonly caller: string;
}

/** Above the tones of the network, which end a call. */
const LOWEST_HZ = 700;
const STEP_HZ = 37;
const STEPS = 28;
const DIGITS = '0123456789*#';
const DIGIT_COUNT = 5;

/** The numbers that the demo's line serves: those of North America, whose dial tone a modem knows at once. */
export const SERVED_PREFIX = '+1';
export const LINE_COUNTRY = 'US';

export function draw(random: Random): Draw {
  const tones = new Set<number>();
  while (tones.size < 3) tones.add(LOWEST_HZ + STEP_HZ * randomBelow(random, STEPS));
  const [phoneHz = 0, outboundHz = 0, inboundHz = 0] = tones;
  return {
    phoneHz,
    outboundHz,
    inboundHz,
    digits: text(random, DIGITS, DIGIT_COUNT),
    called: `${SERVED_PREFIX}212${text(random, '23456789', 7)}`,
    caller: `${SERVED_PREFIX}415${text(random, '23456789', 7)}`,
  };
}

function text(random: Random, alphabet: string, length: number): string {
  return Array.from({ length }, () => alphabet[randomBelow(random, alphabet.length)]).join('');
}
