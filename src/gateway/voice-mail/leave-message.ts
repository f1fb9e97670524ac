import type { MailboxStore } from '#gateway/voice-mail/mailbox-store.ts';
import type { MessageFacts } from '#gateway/voice-mail/message-file.ts';
import { promptSound } from '#gateway/voice-mail/prompts.ts';
import { type RecordingOptions, recordMessage } from '#gateway/voice-mail/record-message.ts';
import type { SoundCall } from '#gateway/voice-mail/sound-call.ts';
import { FAX, type VoiceMailEnd } from '#gateway/voice-mail/voice-mail.ts';
import { Clip, type FiniteSound } from '#media/player.ts';
import { SAMPLE_RATE } from '#media/tones.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';

export interface LeaveMessageDeps {
  readonly store: MailboxStore;
  readonly log: Logger;
  /** The greeting when the user recorded none; undefined for the tones. */
  readonly defaultGreeting: (user: string) => Uint8Array | undefined;
}

export interface LeaveMessageOptions {
  readonly user: string;
  readonly facts: MessageFacts;
  readonly recording: RecordingOptions;
  readonly minSeconds: number;
}

/** So much voice at least makes a message. */
const LEAST_VOICE_MS = 300;

/**
 * A caller whom nobody answered: greeting, tone, recording. Resolves `owner` when `*` was pressed during the greeting.
 * Hangs nobody up. Rejects only when the mailbox can't be read.
 */
export async function leaveMessage(
  deps: LeaveMessageDeps,
  call: SoundCall,
  options: LeaveMessageOptions,
  signal: AbortSignal,
): Promise<VoiceMailEnd | 'owner'> {
  const { store } = deps;
  const { user } = options;
  const onAbort = () => call.stopPlaying();
  signal.addEventListener('abort', onAbort, { once: true });
  const pressed = await playGreeting(call, await greetingOf(deps, user));
  signal.removeEventListener('abort', onAbort);
  if (pressed === '*') return 'owner';
  if (call.over.aborted || signal.aborted) return nothing('hung up during the greeting');
  const by = await store.fullness(user);
  if (by !== undefined) {
    deps.log.warn('mailbox full', { user, by });
    await call.play(promptSound({ say: 'full' }));
    return nothing(`mailbox full: ${by}`);
  }
  const message = await recordMessage(call, options.recording, signal);
  if (signal.aborted && signal.reason === FAX) return nothing('a fax machine called');
  const seconds = message.sound.length / SAMPLE_RATE;
  if (message.voiceMs < LEAST_VOICE_MS) return nothing('nothing was said');
  if (seconds < options.minSeconds) return nothing('too short');
  return keep(deps, call, options, message.sound);
}

async function keep(
  { store, log }: LeaveMessageDeps,
  call: SoundCall,
  { user, facts }: LeaveMessageOptions,
  sound: Uint8Array,
): Promise<VoiceMailEnd> {
  try {
    const { id, seconds } = await store.add(user, sound, facts);
    await call.play(promptSound({ say: 'kept' }));
    return { left: true, messageId: id, seconds };
  } catch (thrown) {
    log.error('message lost', { user, reason: messageOf(thrown) });
    await call.play(promptSound({ say: 'full' }));
    const isFull = thrown instanceof Failure && thrown.code === 'full';
    return nothing(isFull ? 'mailbox full' : 'the message could not be kept');
  }
}

/** The key that cut the greeting short: `*` for the owner, `#` for who knows it. */
async function playGreeting(call: SoundCall, greeting: FiniteSound): Promise<string | undefined> {
  let pressed: string | undefined;
  call.onDigit((digit) => {
    if (digit !== '*' && digit !== '#') return;
    pressed = digit;
    // What follows is for whoever comes next: an owner types the PIN at once.
    call.onDigit(undefined);
    call.stopPlaying();
  });
  if (pressed === undefined) await call.play(greeting);
  call.onDigit(undefined);
  return pressed;
}

async function greetingOf({ store, log, defaultGreeting }: LeaveMessageDeps, user: string): Promise<FiniteSound> {
  try {
    const own = (await store.greeting(user)) ?? defaultGreeting(user);
    if (own !== undefined) return new Clip(own);
  } catch (thrown) {
    log.warn('greeting not read', { user, reason: messageOf(thrown) });
  }
  return promptSound({ say: 'greeting' });
}

function nothing(why: string): VoiceMailEnd {
  return { left: false, why };
}
