import type { SoundCall } from '#gateway/voice-mail/sound-call.ts';
import type { FiniteSound } from '#media/player.ts';
import type { Clock } from '#platform/clock.ts';

export interface CollectOptions {
  /** Played until the first digit. */
  readonly prompt: FiniteSound;
  readonly most: number;
  readonly firstDigitMs: number;
  readonly nextDigitMs: number;
}

/**
 * What somebody types, up to `#`, the longest length or a pause; empty when nothing came. Resolves with undefined when the call
 * is over or `signal` aborts. Nobody else is told of these digits.
 */
export function collectDigits(
  clock: Clock,
  call: SoundCall,
  options: CollectOptions,
  signal: AbortSignal,
): Promise<string | undefined> {
  const over = AbortSignal.any([call.over, signal]);
  return new Promise((resolve) => {
    let digits = '';
    const finish = (typed: string | undefined) => {
      timer.cancel();
      over.removeEventListener('abort', onOver);
      call.onDigit(undefined);
      call.stopPlaying();
      resolve(typed);
    };
    const onOver = () => finish(undefined);
    let timer = clock.after(options.firstDigitMs, () => finish(digits));
    if (over.aborted) return finish(undefined);
    over.addEventListener('abort', onOver, { once: true });
    call.onDigit((digit) => {
      call.stopPlaying();
      if (digit === '#') return finish(digits);
      digits += digit;
      if (digits.length >= options.most) return finish(digits);
      timer.cancel();
      timer = clock.after(options.nextDigitMs, () => finish(digits));
    });
    void call.play(options.prompt);
  });
}
