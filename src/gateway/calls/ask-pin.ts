import { collectDigits } from '#gateway/calls/collect-digits.ts';
import { type PinFrom, type PinGate, pinIdentity } from '#gateway/calls/pin-gate.ts';
import { pinPrompt, refusalTone } from '#gateway/calls/prompt-tones.ts';
import type { SoundCall } from '#gateway/voice-mail/sound-call.ts';
import type { Clock } from '#platform/clock.ts';
import type { Logger } from '#platform/log.ts';
import { printable } from '#platform/log.ts';

export interface AskPinDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly pins: PinGate;
}

/** Tries within one call; the gate counts over calls. */
const TRIES = 3;
const MOST_DIGITS = 16;
const FIRST_DIGIT_MS = 10_000;
const NEXT_DIGIT_MS = 5000;

export type PinAnswer =
  /** `isPin`: whether what is typed next begins with the PIN once more; that goes nowhere and is kept nowhere. */
  | { readonly identity: string; readonly isPin: (typed: string) => boolean }
  | { readonly refused: 'no PIN came' | 'wrong PIN' | 'PIN locked' };

/** Asks who is on the phone for a PIN, at most three times. Whom the dial plan then knows, or why not. */
export async function askPin(
  { clock, log, pins }: AskPinDeps,
  call: SoundCall,
  { from, caller }: { readonly from: PinFrom; readonly caller: string },
  signal: AbortSignal,
): Promise<PinAnswer> {
  for (let tries = 0; tries < TRIES; tries++) {
    if (pins.isLocked(caller)) break;
    const options = {
      prompt: pinPrompt(),
      most: MOST_DIGITS,
      firstDigitMs: FIRST_DIGIT_MS,
      nextDigitMs: NEXT_DIGIT_MS,
    };
    const entered = await collectDigits(clock, call, options, signal);
    if (entered === undefined || entered === '') return { refused: 'no PIN came' };
    const verdict = await pins.check(from, caller, entered);
    if (verdict.kind === 'right') {
      return { identity: pinIdentity(verdict.name), isPin: (typed) => typed.startsWith(entered) };
    }
    log.warn('PIN refused', { caller: printable(caller), verdict: verdict.kind });
    await call.play(refusalTone());
  }
  return { refused: pins.isLocked(caller) ? 'PIN locked' : 'wrong PIN' };
}
