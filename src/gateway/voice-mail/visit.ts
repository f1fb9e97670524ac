import type { MailboxStore } from '#gateway/voice-mail/mailbox-store.ts';
import { MENU_START, type MenuEffect, type MenuInput, type MenuState, stepMenu } from '#gateway/voice-mail/menu.ts';
import type { PinBook } from '#gateway/voice-mail/pin-book.ts';
import { promptSound } from '#gateway/voice-mail/prompts.ts';
import { type RecordingOptions, recordMessage } from '#gateway/voice-mail/record-message.ts';
import type { SoundCall } from '#gateway/voice-mail/sound-call.ts';
import { Clip, type FiniteSound } from '#media/player.ts';
import type { Clock, Timer } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';

export interface VisitDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: MailboxStore;
  readonly pins: PinBook;
}

export interface VisitOptions {
  readonly user: string;
  readonly needsPin: boolean;
  readonly recording: RecordingOptions;
}

/** Shorter greetings are slips. */
const LEAST_GREETING_MS = 500;

/** The owner listens to messages: runs the menu on a call until one of both ends it. */
export class MailboxVisit {
  readonly #deps: VisitDeps;
  readonly #call: SoundCall;
  readonly #options: VisitOptions;
  readonly #over = new AbortController();
  #state: MenuState = MENU_START;
  #timer: Timer | undefined;
  /** Changes of the mailbox, done one after the other. */
  #work: Promise<void> = Promise.resolve();

  constructor(deps: VisitDeps, call: SoundCall, options: VisitOptions) {
    this.#deps = deps;
    this.#call = call;
    this.#options = options;
  }

  /** Resolves when the owner has finished, the call is over, or `signal` aborts. Never rejects; hangs nobody up. */
  async run(signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.#call.over, this.#over.signal]);
    const over = new Promise<void>((resolve) => {
      if (either.aborted) resolve();
      else either.addEventListener('abort', () => resolve(), { once: true });
    });
    this.#step({ type: 'start', needsPin: this.#options.needsPin });
    this.#takeKeys();
    await over;
    this.#state = { at: 'over' };
    this.#over.abort();
    this.#timer?.cancel();
    this.#call.onDigit(undefined);
    this.#call.stopPlaying();
    await this.#work;
  }

  #takeKeys(): void {
    if (!this.#over.signal.aborted) this.#call.onDigit((digit) => this.#step({ type: 'digit', digit }));
  }

  #step(input: MenuInput): void {
    const { state, effects } = stepMenu(this.#state, input);
    this.#state = state;
    for (const effect of effects) this.#apply(effect);
  }

  #apply(effect: MenuEffect): void {
    const { store, pins } = this.#deps;
    const { user } = this.#options;
    switch (effect.do) {
      case 'prompt':
        void this.#play(promptSound(effect.prompt));
        break;
      case 'play':
        this.#timer?.cancel();
        void this.#playMessage(effect.id);
        break;
      case 'check-pin':
        this.#timer?.cancel();
        this.#ask(async () => ({ type: 'pin', verdict: await pins.check(user, effect.pin) }));
        break;
      case 'fetch':
        this.#ask(async () => ({ type: 'messages', messages: store.list(user) }));
        break;
      case 'heard':
        this.#change(() => store.markHeard(user, effect.id));
        break;
      case 'delete':
        this.#change(() => store.remove(user, effect.id));
        break;
      case 'record':
        this.#timer?.cancel();
        this.#ask(() => this.#recordGreeting());
        break;
      case 'wait':
        this.#timer?.cancel();
        this.#timer = this.#deps.clock.after(effect.ms, () => this.#step({ type: 'timeout' }));
        break;
      case 'end':
        this.#over.abort();
    }
  }

  async #play(sound: FiniteSound): Promise<void> {
    if ((await this.#call.play(sound)) === 'over') this.#step({ type: 'played' });
  }

  async #playMessage(id: string): Promise<void> {
    let sound: Uint8Array;
    try {
      sound = await this.#deps.store.sound(this.#options.user, id);
    } catch (thrown) {
      this.#deps.log.warn('message not played', { user: this.#options.user, id, reason: messageOf(thrown) });
      if (this.#isPlaying(id)) this.#step({ type: 'unplayable' });
      return;
    }
    // Keys may have led elsewhere while the file was read.
    if (this.#isPlaying(id)) await this.#play(new Clip(sound));
  }

  #isPlaying(id: string): boolean {
    const state = this.#state;
    return state.at === 'listening' && state.isPlaying && state.messages[state.position]?.id === id;
  }

  /** Ends by silence, `#` or length; a greeting of nothing keeps the one before. */
  async #recordGreeting(): Promise<MenuInput> {
    const { recording, user } = this.#options;
    const recorded = await recordMessage(this.#call, recording, this.#over.signal);
    const kept = recorded.end !== 'call over' && recorded.voiceMs >= LEAST_GREETING_MS;
    if (kept) await this.#deps.store.setGreeting(user, recorded.sound);
    return { type: 'recorded', kept };
  }

  /** Without its answer the menu could not go on: a failure ends the visit. */
  #ask(question: () => Promise<MenuInput>): void {
    this.#work = this.#work.then(async () => {
      try {
        this.#step(await question());
        // A recording has taken the keys for itself.
        this.#takeKeys();
      } catch (thrown) {
        this.#deps.log.warn('visit to a mailbox broken off', {
          user: this.#options.user,
          reason: messageOf(thrown),
        });
        this.#over.abort();
      }
    });
  }

  #change(change: () => Promise<void>): void {
    this.#work = this.#work.then(change).catch((thrown) => {
      this.#deps.log.warn('mailbox not changed', { user: this.#options.user, reason: messageOf(thrown) });
    });
  }
}
