/** Kinds of tones that differ in what they mean for a call. */
export type ToneName = 'dial' | 'ringback' | 'busy' | 'congestion' | 'call-waiting';

/** One tone of a country as to its cadence: ms, on and off by turns; empty for a steady tone. */
export interface CadencedTone {
  readonly name: ToneName;
  readonly cadence: readonly number[];
  readonly isModulated: boolean;
}

/** What was heard of one sound so far, ms. */
export interface Rhythm {
  /** Bursts and pauses that are over, by turns, beginning with a burst. */
  readonly past: readonly number[];
  /** The burst or pause that lasts: a burst when `past` has an even length. */
  readonly now: number;
}

export interface Match {
  readonly tone: CadencedTone;
  /** Bursts and pauses that fit from beginning to end. */
  readonly whole: number;
  /** Mean deviation of these from the row, as a share. */
  readonly deviation: number;
}

/** E.180 lets exchanges deviate by 10 %; the rest covers how exactly edges are heard. */
const TOLERANCE = 0.15;
const LEAST_TOLERANCE_MS = 35;

/** Longest deviation from so many ms that is still taken for them. */
export function slack(ms: number): number {
  return Math.max(LEAST_TOLERANCE_MS, ms * TOLERANCE);
}

/**
 * How a rhythm fits a tone, undefined when it does not. Exchanges let a caller into the middle of a tone that runs for all of them, so the
 * first burst of busy and congestion may be any later part of one.
 */
export function matchOf(tone: CadencedTone, rhythm: Rhythm): Match | undefined {
  if (tone.cadence.length === 0) return rhythm.past.length === 0 ? { tone, whole: 0, deviation: 0 } : undefined;
  let best: Match | undefined;
  for (let start = 0; start < tone.cadence.length; start += 2) {
    const match = matchFrom(tone, start, rhythm);
    if (match && (best === undefined || isBetter(match, best))) best = match;
  }
  return best;
}

function isBetter(match: Match, best: Match): boolean {
  return match.whole === best.whole ? match.deviation < best.deviation : match.whole > best.whole;
}

function matchFrom(tone: CadencedTone, start: number, { past, now }: Rhythm): Match | undefined {
  const wanted = (i: number) => tone.cadence[(start + i) % tone.cadence.length] ?? 0;
  let deviation = 0;
  let whole = 0;
  for (const [i, ms] of past.entries()) {
    const ideal = wanted(i);
    if (ms > ideal + slack(ideal)) return undefined;
    const short = ms < ideal - slack(ideal);
    if (short && (i > 0 || !isEnding(tone))) return undefined;
    if (short) continue;
    deviation += Math.abs(ms - ideal) / ideal;
    whole++;
  }
  const current = wanted(past.length);
  if (now > current + slack(current)) return undefined;
  return { tone, whole, deviation: whole === 0 ? 0 : deviation / whole };
}

/** A call is not given up for less than this, however short the cadence: burst, pause and burst. */
const LEAST_EVIDENCE_MS = 700;
/** In slow cadences the beginning of the second burst is enough, */
const BEGUN_MS = 90;
/** after a whole burst and a whole pause that took so long, */
const TWO_MS = 1000;
/** or so long after a first burst of which only the end was heard. */
const CUT_MS = 1400;
/** Where busy and congestion begin alike, the better fit is taken after so long. */
const EITHER_MS = 1500;
/** Shortest steady tone that counts, and how much longer it is than the longest burst of its frequencies. */
const STEADY_MS = 1000;
const STEADY_MARGIN = 1.1;
/** A ring or a call waiting needs a pause behind it to be known. */
const PAUSE_MS = 120;

/**
 * What a rhythm is, as soon as it can be nothing else among the tones with the same frequencies, undefined before.
 *
 * Two seconds leave time for two bursts of 500 ms and not for two of 750 ms (India, Singapore), so busy and congestion are known by the lengths of
 * a burst and of a pause and by the beginning of the next burst; quicker cadences have to show more of themselves.
 */
export function nameOf(tones: readonly CadencedTone[], rhythm: Rhythm): ToneName | undefined {
  const matches = tones.flatMap((tone) => matchOf(tone, rhythm) ?? []);
  const [first] = matches;
  if (first === undefined) return undefined;
  const elapsed = rhythm.past.reduce((all, ms) => all + ms, rhythm.now);
  if (matches.every(({ tone }) => isEnding(tone))) {
    const best = matches.reduce((a, b) => (b.deviation < a.deviation ? b : a));
    const settled = matches.every(({ tone }) => tone.name === best.tone.name) || elapsed >= EITHER_MS;
    return settled && isEnough(best, rhythm, elapsed) ? best.tone.name : undefined;
  }
  if (matches.some(({ tone }) => tone.name !== first.tone.name)) return undefined;
  switch (first.tone.name) {
    case 'dial':
      return isDial(first, tones, rhythm) ? 'dial' : undefined;
    case 'ringback':
      return isRingback(first, tones, rhythm) ? 'ringback' : undefined;
    case 'call-waiting':
      return rhythm.past.length % 2 === 1 && first.whole === rhythm.past.length && rhythm.now >= PAUSE_MS
        ? 'call-waiting'
        : undefined;
    default:
      return undefined;
  }
}

function isEnding({ name }: CadencedTone): boolean {
  return name === 'busy' || name === 'congestion';
}

function isEnough({ whole }: Match, { past, now }: Rhythm, elapsed: number): boolean {
  if (past.length >= 3) return elapsed >= LEAST_EVIDENCE_MS;
  if (past.length < 2 || now < BEGUN_MS) return false;
  return elapsed >= (whole === past.length ? TWO_MS : CUT_MS);
}

function isDial(match: Match, tones: readonly CadencedTone[], rhythm: Rhythm): boolean {
  if (match.tone.cadence.length > 0) return match.whole >= 2 && rhythm.past.length >= 2;
  return rhythm.now >= Math.max(STEADY_MS, longestBurst(tones) * STEADY_MARGIN);
}

/** Frequencies that only ringing tone has are enough; else a whole burst must be heard. */
function isRingback(match: Match, tones: readonly CadencedTone[], rhythm: Rhythm): boolean {
  if (tones.length === 1) return rhythm.past.length % 2 === 0 && rhythm.now >= 2 * PAUSE_MS;
  return match.whole >= 1 && rhythm.past.length % 2 === 1;
}

function longestBurst(tones: readonly CadencedTone[]): number {
  return tones.reduce((all, { cadence }) => Math.max(all, ...cadence.filter((_, i) => i % 2 === 0)), 0);
}
