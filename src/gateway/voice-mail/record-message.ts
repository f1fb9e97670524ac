import { promptSound } from '#gateway/voice-mail/prompts.ts';
import type { SoundCall } from '#gateway/voice-mail/sound-call.ts';
import { MessageRecorder, type RecordedMessage } from '#media/message-recorder.ts';

export interface RecordingOptions {
  readonly maxSeconds: number;
  readonly silenceSeconds: number;
}

export interface Recording extends RecordedMessage {
  readonly end: 'silence' | 'length' | 'key' | 'call over' | 'stopped';
}

/** Of the key that ended a recording: what a detector needs of it, and the time it takes to tell. */
const KEY_MS = 150;

/** Plays the tone and records until silence, a key, the greatest length, the end of the call, or `signal`. */
export async function recordMessage(
  call: SoundCall,
  options: RecordingOptions,
  signal: AbortSignal,
): Promise<Recording> {
  call.onDigit(() => {});
  await call.play(promptSound({ say: 'record' }));
  let recorder: MessageRecorder | undefined;
  const end = await new Promise<Recording['end']>((resolve) => {
    recorder = new MessageRecorder(options, resolve);
    call.onDigit((digit) => digit === '#' && resolve('key'));
    whenAborted(call.over, () => resolve('call over'));
    whenAborted(signal, () => resolve('stopped'));
    call.listen(recorder);
  });
  call.listen(undefined);
  call.onDigit(undefined);
  const message = recorder?.finish(end === 'key' ? KEY_MS : 0);
  return { sound: new Uint8Array(), voiceMs: 0, levelDbm0: Number.NEGATIVE_INFINITY, ...message, end };
}

function whenAborted(signal: AbortSignal, then: () => void): void {
  if (signal.aborted) then();
  else signal.addEventListener('abort', then, { once: true });
}
