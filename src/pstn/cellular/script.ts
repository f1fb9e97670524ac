import { utf8 } from '#platform/bytes.ts';
import type { Effect, Event } from '#pstn/cellular/state.ts';

export interface Command {
  readonly text: string;
  readonly ms: number;
  /** A refusal does not matter. */
  readonly optional: boolean;
}

/** Commands still to run; the first is in flight. */
export interface Script {
  readonly commands: readonly Command[];
  /** Commands in a row that got no answer. */
  readonly unanswered: number;
}

const ANSWER_MS = 3000;
const BEHIND_MS = 1000;
/** So many commands in a row without an answer mean that nobody is there. */
const MAX_UNANSWERED = 2;

export const noScript: Script = { commands: [], unanswered: 0 };

/** A command that must succeed. */
export function command(text: string, ms: number = ANSWER_MS): Command {
  return { text, ms, optional: false };
}

/** A command that a module may refuse. */
export function optional(text: string): Command {
  return { text, ms: ANSWER_MS, optional: true };
}

export function startScript(commands: readonly Command[]): { readonly script: Script; readonly effects: Effect[] } {
  return { script: { commands, unanswered: 0 }, effects: sendHead(commands) };
}

/** The same behind a command whose answer is no longer of interest, but still to come. */
export function startScriptBehind(commands: readonly Command[]): {
  readonly script: Script;
  readonly effects: Effect[];
} {
  const inFlight = { text: '', ms: BEHIND_MS, optional: true };
  return {
    script: { commands: [inFlight, ...commands], unanswered: 0 },
    effects: [{ type: 'set-timer', timer: 'command', ms: BEHIND_MS }],
  };
}

export type Advance =
  | { readonly outcome: 'waiting'; readonly script: Script; readonly effects: Effect[] }
  | { readonly outcome: 'done' }
  | { readonly outcome: 'failed'; readonly command: string; readonly result: string };

export const NO_ANSWER = 'no answer';

/** Feeds a result or a time-out to the command in flight. What comes unasked is not for it. */
export function advance(script: Script, event: Event): Advance {
  const head = script.commands[0];
  if (head === undefined) return { outcome: 'waiting', script, effects: [] };
  if (event.type === 'timeout' && event.timer === 'command') {
    const unanswered = script.unanswered + 1;
    if (head.optional && unanswered < MAX_UNANSWERED) return next(script.commands.slice(1), unanswered);
    return { outcome: 'failed', command: head.text, result: NO_ANSWER };
  }
  if (event.type !== 'said' || event.said.type !== 'result') return { outcome: 'waiting', script, effects: [] };
  const { ok, text } = event.said;
  if (!ok && !head.optional) return { outcome: 'failed', command: head.text, result: text };
  return next(script.commands.slice(1), 0);
}

function next(commands: readonly Command[], unanswered: number): Advance {
  if (commands.length === 0) return { outcome: 'done' };
  return { outcome: 'waiting', script: { commands, unanswered }, effects: sendHead(commands) };
}

function sendHead(commands: readonly Command[]): Effect[] {
  const head = commands[0];
  if (head === undefined) return [];
  return [
    { type: 'send', bytes: utf8(`${head.text}\r`) },
    { type: 'set-timer', timer: 'command', ms: head.ms },
  ];
}
