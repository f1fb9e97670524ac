import type { FiniteSound } from '#media/player.ts';
import { ToneSequence, type ToneStep } from '#media/tone-sequence.ts';

/** What the mailbox says without words. docs/VOICEMAIL.md describes each to its owner. */
export type Prompt =
  | { readonly say: 'greeting' | 'record' | 'full' | 'kept' | 'pin' | 'wrong' | 'deleted' | 'no-more' | 'goodbye' }
  /** One beep for each new message. */
  | { readonly say: 'count'; readonly messages: number };

/** Further messages are not counted out. */
const MAX_BEEPS = 10;

/** In Hz and ms. None of them is a tone of a telephone exchange, nor rises as special information tones do (ITU-T E.180). */
const TONES: Readonly<Record<Exclude<Prompt['say'], 'count'>, readonly ToneStep[]>> = {
  greeting: [...notes([523, 659, 784], 300), pause(400), ...notes([523, 659, 784], 300), pause(300)],
  record: notes([1000], 400),
  full: Array.from({ length: 5 }, () => [...notes([350], 250), pause(150)]).flat(),
  kept: notes([659, 880], 150),
  pin: [...notes([740], 120), pause(120), ...notes([740], 120)],
  wrong: notes([290], 600),
  deleted: notes([880, 523], 120),
  'no-more': notes([784, 523], 250),
  goodbye: notes([784, 659, 523], 200),
};

export function promptSound(prompt: Prompt): FiniteSound {
  return new ToneSequence({ steps: prompt.say === 'count' ? beeps(prompt.messages) : TONES[prompt.say], times: 1 });
}

function beeps(messages: number): readonly ToneStep[] {
  if (messages === 0) return notes([392], 700);
  return Array.from({ length: Math.min(messages, MAX_BEEPS) }, () => [...notes([698], 150), pause(250)]).flat();
}

function notes(frequencies: readonly number[], ms: number): readonly ToneStep[] {
  return frequencies.map((frequency) => ({ frequencies: [frequency], ms }));
}

function pause(ms: number): ToneStep {
  return { frequencies: [], ms };
}
