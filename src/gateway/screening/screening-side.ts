import { readFile } from 'node:fs/promises';
import type { ScreeningConfig } from '#config/screening.ts';
import { CallerLists } from '#gateway/screening/caller-lists.ts';
import { CallerScreening } from '#gateway/screening/caller-screening.ts';
import { PassedCallers } from '#gateway/screening/passed-callers.ts';
import { ToneSequence } from '#media/tone-sequence.ts';
import { readWav, wavAsMulaw } from '#media/wav.ts';
import type { Clock } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { KeyValueStore } from '#store/key-value-store.ts';

export interface ScreeningSideDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: KeyValueStore;
  /** Told at the start and after each change. */
  readonly changed: (counts: ScreeningCounts) => void;
}

export interface ScreeningCounts {
  readonly allow: number;
  readonly block: number;
  readonly passed: number;
}

const MAX_PROMPT_SECONDS = 30;
/** Three rising pairs: no tone of an exchange, and not the three steps of special information (ITU-T E.180 §8). */
const BEEPS = [660, 880, 0, 660, 880, 0, 660, 880].map((hertz) => ({ frequencies: hertz > 0 ? [hertz] : [], ms: 150 }));

/** Screening of this gateway's lines, with its lists. */
export class ScreeningSide {
  readonly lists: CallerLists;
  readonly passed: PassedCallers;
  readonly #deps: ScreeningSideDeps;
  readonly #config: ScreeningConfig;

  constructor(deps: ScreeningSideDeps, config: ScreeningConfig) {
    const { clock, store } = deps;
    this.#deps = deps;
    this.#config = config;
    const changed = () => this.#tell();
    this.lists = new CallerLists({ clock, changed, entries: store.namespace('caller-lists') }, config);
    this.passed = new PassedCallers(
      { clock, changed, entries: store.namespace('passed-callers') },
      config.remember_days,
    );
  }

  /** Reads lists and prompt. */
  async open(): Promise<CallerScreening> {
    this.lists.load();
    this.passed.load();
    this.#tell();
    const { clock, log } = this.#deps;
    const { lists, passed } = this;
    return new CallerScreening({ clock, log, lists, passed }, { ...this.#config, prompt: await this.#prompt() });
  }

  #tell(): void {
    const { lists, passed } = this;
    this.#deps.changed({ allow: lists.list('allow').length, block: lists.list('block').length, passed: passed.count });
  }

  /** Beeps when the file is of no use: the gateway goes on. */
  async #prompt(): Promise<Uint8Array> {
    const { challenge_prompt: file } = this.#config;
    try {
      if (file !== undefined) return wavAsMulaw(readWav(await readFile(file))).slice(0, MAX_PROMPT_SECONDS * 8000);
    } catch (thrown) {
      this.#deps.log.warn('the prompt of the challenge is not usable; beeps are played', {
        file,
        reason: messageOf(thrown),
      });
    }
    const ms = BEEPS.reduce((sum, step) => sum + step.ms, 0);
    return new ToneSequence({ steps: BEEPS, times: 1 }).next(ms * 8);
  }
}
