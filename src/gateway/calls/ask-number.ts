import { collectDigits } from '#gateway/calls/collect-digits.ts';
import { networkTone } from '#gateway/calls/prompt-tones.ts';
import type { SoundCall } from '#gateway/voice-mail/sound-call.ts';
import type { Clock } from '#platform/clock.ts';
import type { CountryCode } from '#platform/country-code.ts';

/** ITU-T E.164 allows 15 digits; prefixes come before them. */
const MOST_DIGITS = 24;
/** As long as exchanges wait for the first digit, and for the next one. */
const FIRST_DIGIT_MS = 15_000;
const NEXT_DIGIT_MS = 5000;

/** Plays dial tone and takes the number that is dialled; undefined when none came. */
export async function askNumber(
  clock: Clock,
  call: SoundCall,
  country: CountryCode,
  signal: AbortSignal,
): Promise<string | undefined> {
  const prompt = networkTone(country, 'dial');
  const limits = { most: MOST_DIGITS, firstDigitMs: FIRST_DIGIT_MS, nextDigitMs: NEXT_DIGIT_MS };
  const digits = await collectDigits(clock, call, { prompt, ...limits }, signal);
  // Letters A to D are keys, but no number has them.
  return digits !== undefined && /^[0-9*]+$/.test(digits) ? digits : undefined;
}
