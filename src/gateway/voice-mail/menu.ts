import type { PinVerdict } from '#gateway/voice-mail/pin-book.ts';
import type { Prompt } from '#gateway/voice-mail/prompts.ts';

/** What the menu needs to know of a message. */
interface ListedMessage {
  readonly id: string;
  readonly heard: boolean;
}

interface Listening {
  readonly messages: readonly ListedMessage[];
  /** Index of the message that was played last; -1 before the first. */
  readonly position: number;
  readonly isPlaying: boolean;
}

export type MenuState =
  | { readonly at: 'start' }
  | { readonly at: 'pin'; readonly digits: string; readonly wrong: number }
  | { readonly at: 'checking'; readonly wrong: number }
  | { readonly at: 'fetching' }
  | ({ readonly at: 'listening' } & Listening)
  /** Of a new greeting. */
  | ({ readonly at: 'recording' } & Listening)
  /** The last prompt plays. */
  | { readonly at: 'leaving' }
  | { readonly at: 'over' };

export type MenuInput =
  | { readonly type: 'start'; readonly needsPin: boolean }
  | { readonly type: 'digit'; readonly digit: string }
  /** What was played is over; not given when something else took its place. */
  | { readonly type: 'played' }
  /** The message could not be read. */
  | { readonly type: 'unplayable' }
  | { readonly type: 'timeout' }
  | { readonly type: 'pin'; readonly verdict: PinVerdict }
  | { readonly type: 'messages'; readonly messages: readonly ListedMessage[] }
  /** The recording of a greeting is over. */
  | { readonly type: 'recorded'; readonly kept: boolean };

export type MenuEffect =
  | { readonly do: 'prompt'; readonly prompt: Prompt }
  | { readonly do: 'play'; readonly id: string }
  | { readonly do: 'check-pin'; readonly pin: string }
  | { readonly do: 'fetch' }
  | { readonly do: 'heard' | 'delete'; readonly id: string }
  /** Plays the tone and records; keys go to the recording meanwhile. */
  | { readonly do: 'record' }
  /** Takes the place of an earlier wait. */
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'end' };

export interface MenuStep {
  readonly state: MenuState;
  readonly effects: readonly MenuEffect[];
}

const MAX_PIN_DIGITS = 12;
const MAX_WRONG_PINS = 3;
/** For the next digit of a PIN, after which it counts as whole, and for the first one. */
const NEXT_DIGIT_MS = 4000;
const FIRST_DIGIT_MS = 10_000;
/** For the next key of the menu. */
const NEXT_KEY_MS = 15_000;
/** Longer than the last prompt takes, in a call that takes no sound. */
const LAST_PROMPT_MS = 3000;

export const MENU_START: MenuState = { at: 'start' };

/** One step of a visit to a mailbox by keys. Pure; timeouts are inputs. */
export function stepMenu(state: MenuState, input: MenuInput): MenuStep {
  switch (state.at) {
    case 'start':
      return input.type === 'start' ? begin(input.needsPin) : stay(state);
    case 'pin':
      return enterPin(state, input);
    case 'checking':
      return input.type === 'pin' ? judged(state.wrong, input.verdict) : stay(state);
    case 'fetching':
      return input.type === 'messages' ? fetched(input.messages) : stay(state);
    case 'listening':
      return listen(state, input);
    case 'recording':
      return record(state, input);
    case 'leaving':
      return input.type === 'played' || input.type === 'timeout'
        ? { state: { at: 'over' }, effects: [{ do: 'end' }] }
        : stay(state);
    case 'over':
      return stay(state);
  }
}

function begin(needsPin: boolean): MenuStep {
  return needsPin ? askPin(0, 'pin') : { state: { at: 'fetching' }, effects: [{ do: 'fetch' }] };
}

function askPin(wrong: number, say: 'pin' | 'wrong'): MenuStep {
  return { state: { at: 'pin', digits: '', wrong }, effects: [prompt({ say }), wait(FIRST_DIGIT_MS)] };
}

function enterPin(state: Extract<MenuState, { at: 'pin' }>, input: MenuInput): MenuStep {
  if (input.type === 'timeout') return state.digits === '' ? leave() : checkPin(state);
  if (input.type !== 'digit') return stay(state);
  if (input.digit === '#') return checkPin(state);
  if (input.digit === '*') return { state: { ...state, digits: '' }, effects: [wait(FIRST_DIGIT_MS)] };
  if (!/^\d$/.test(input.digit)) return stay(state);
  const digits = `${state.digits}${input.digit}`;
  if (digits.length >= MAX_PIN_DIGITS) return checkPin({ ...state, digits });
  return { state: { ...state, digits }, effects: [wait(NEXT_DIGIT_MS)] };
}

function checkPin({ digits, wrong }: Extract<MenuState, { at: 'pin' }>): MenuStep {
  return { state: { at: 'checking', wrong }, effects: [{ do: 'check-pin', pin: digits }] };
}

function judged(wrong: number, verdict: PinVerdict): MenuStep {
  if (verdict === 'right') return { state: { at: 'fetching' }, effects: [{ do: 'fetch' }] };
  if (verdict === 'locked' || wrong + 1 >= MAX_WRONG_PINS) return leave('wrong');
  return askPin(wrong + 1, 'wrong');
}

/** New messages come first, each part in order of time. */
function fetched(all: readonly ListedMessage[]): MenuStep {
  const fresh = all.filter(({ heard }) => !heard);
  const messages = [...fresh, ...all.filter(({ heard }) => heard)];
  return {
    state: { at: 'listening', messages, position: -1, isPlaying: false },
    effects: [prompt({ say: 'count', messages: fresh.length }), wait(NEXT_KEY_MS)],
  };
}

type ListeningState = Extract<MenuState, { at: 'listening' }>;

function listen(state: ListeningState, input: MenuInput): MenuStep {
  switch (input.type) {
    case 'digit':
      return key(state, input.digit);
    case 'played': {
      const message = state.isPlaying ? state.messages[state.position] : undefined;
      const effects: MenuEffect[] = [wait(NEXT_KEY_MS)];
      if (message !== undefined) effects.unshift({ do: 'heard', id: message.id });
      return { state: { ...state, isPlaying: false }, effects };
    }
    case 'unplayable':
      return { state: { ...state, isPlaying: false }, effects: [prompt({ say: 'wrong' }), wait(NEXT_KEY_MS)] };
    case 'timeout':
      // A message may well be longer than the wait for a key.
      return state.isPlaying ? stay(state) : leave();
    default:
      return stay(state);
  }
}

function key(state: ListeningState, digit: string): MenuStep {
  switch (digit) {
    case '1':
      return playAt(state, state.position + 1);
    case '2':
      return playAt(state, Math.max(0, state.position));
    case '3':
      return remove(state);
    case '7':
      return playAt(state, state.position - 1);
    case '9':
      return { state: { ...state, at: 'recording', isPlaying: false }, effects: [{ do: 'record' }] };
    case '#':
      return leave();
    default:
      return stay(state);
  }
}

function playAt(state: ListeningState, position: number): MenuStep {
  const message = state.messages[position];
  if (message === undefined) {
    const effects = [prompt({ say: 'no-more' }), wait(NEXT_KEY_MS)];
    return { state: { ...state, isPlaying: false }, effects };
  }
  return { state: { ...state, position, isPlaying: true }, effects: [{ do: 'play', id: message.id }] };
}

/** The next message then is the one that followed. */
function remove(state: ListeningState): MenuStep {
  const message = state.messages[state.position];
  if (message === undefined) return { state, effects: [prompt({ say: 'wrong' }), wait(NEXT_KEY_MS)] };
  const messages = state.messages.filter(({ id }) => id !== message.id);
  return {
    state: { ...state, messages, position: state.position - 1, isPlaying: false },
    effects: [{ do: 'delete', id: message.id }, prompt({ say: 'deleted' }), wait(NEXT_KEY_MS)],
  };
}

function record(state: Extract<MenuState, { at: 'recording' }>, input: MenuInput): MenuStep {
  if (input.type !== 'recorded') return stay(state);
  const say = input.kept ? 'kept' : 'wrong';
  return { state: { ...state, at: 'listening' }, effects: [prompt({ say }), wait(NEXT_KEY_MS)] };
}

function leave(say: 'goodbye' | 'wrong' = 'goodbye'): MenuStep {
  return { state: { at: 'leaving' }, effects: [prompt({ say }), wait(LAST_PROMPT_MS)] };
}

function prompt(what: Prompt): MenuEffect {
  return { do: 'prompt', prompt: what };
}

function wait(ms: number): MenuEffect {
  return { do: 'wait', ms };
}

function stay(state: MenuState): MenuStep {
  return { state, effects: [] };
}
