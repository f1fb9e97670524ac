import type { ScreeningConfig } from '#config/screening.ts';
import { collectDigits } from '#gateway/calls/collect-digits.ts';
import type { CallerLists } from '#gateway/screening/caller-lists.ts';
import type { PassedCallers } from '#gateway/screening/passed-callers.ts';
import type { Screening, Verdict } from '#gateway/screening/screening.ts';
import { SoundCall } from '#gateway/voice-mail/sound-call.ts';
import { Clip } from '#media/player.ts';
import type { Clock } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { CallerId, LineCall } from '#pstn/line.ts';

export interface CallerScreeningDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly lists: Pick<CallerLists, 'find'>;
  readonly passed: Pick<PassedCallers, 'has' | 'add'>;
}

export interface CallerScreeningOptions extends ScreeningConfig {
  /** What a challenged caller hears, mu-law. */
  readonly prompt: Uint8Array;
}

/** Screening by lists, by what the line tells of the caller, and by a key to press. */
export class CallerScreening implements Screening {
  readonly #deps: CallerScreeningDeps;
  readonly #options: CallerScreeningOptions;
  #lastCaller: CallerId | undefined;

  constructor(deps: CallerScreeningDeps, options: CallerScreeningOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Who rang last. */
  get lastCaller(): CallerId | undefined {
    return this.#lastCaller;
  }

  judge(callerId: CallerId, line: string): Verdict {
    this.#lastCaller = callerId;
    return this.verdict(callerId, line);
  }

  /** What would become of a caller. */
  verdict(callerId: CallerId, line: string): Verdict {
    const { lists, passed } = this.#deps;
    const { lines, blocked, withheld, unavailable, others } = this.#options;
    if (lines.length > 0 && !lines.includes(line)) return { action: 'ring', why: 'this line is not screened' };
    const allowed = lists.find('allow', callerId);
    if (allowed !== undefined) return { action: 'ring', why: `allowed as ${allowed}` };
    const found = lists.find('block', callerId);
    if (found !== undefined) return { action: blocked, why: `blocked as ${found}` };
    const { number, presentation } = callerId;
    if (number === undefined) {
      return { action: presentation === 'withheld' ? withheld : unavailable, why: `${presentation} number` };
    }
    if (others === 'challenge' && passed.has(number)) return { action: 'ring', why: 'passed the challenge before' };
    return { action: others, why: 'on no list' };
  }

  async challenge(call: LineCall, callerId: CallerId, signal: AbortSignal): Promise<boolean> {
    const sound = SoundCall.onLine(call);
    try {
      const passed = await this.#ask(sound, signal);
      if (passed && callerId.number !== undefined) await this.#deps.passed.add(callerId.number);
      return passed;
    } catch (thrown) {
      this.#deps.log.warn('a caller who passed the challenge is not remembered', { reason: messageOf(thrown) });
      return true;
    } finally {
      sound.release();
    }
  }

  async #ask(call: SoundCall, signal: AbortSignal): Promise<boolean> {
    const { prompt, challenge_digit: wanted, challenge_seconds: seconds, challenge_tries: tries } = this.#options;
    const firstDigitMs = prompt.length / 8 + seconds * 1000;
    for (let tried = 0; tried < tries; tried++) {
      const options = { prompt: new Clip(prompt), most: 1, firstDigitMs, nextDigitMs: 0 };
      const pressed = await collectDigits(this.#deps.clock, call, options, signal);
      if (pressed === undefined) return false;
      if (pressed === wanted) return true;
    }
    return false;
  }
}
