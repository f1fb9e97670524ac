import type { Command, Effect, Input, Script } from '#pstn/modem/machine/state.ts';
import { type FinalResult, finalResult } from '#pstn/modem/results.ts';

const ANSWER_MS = 3000;
/** So many commands in a row without an answer mean that nobody is there. */
const MAX_UNANSWERED = 2;

/** A command that must succeed. */
export function command(text: string, ms: number = ANSWER_MS): Command {
  return { text, ms, optional: false, stream: 'none' };
}

/** A command that a modem may refuse. */
export function optional(text: string): Command {
  return { text, ms: ANSWER_MS, optional: true, stream: 'none' };
}

/** A command whose CONNECT starts a stream. */
export function streaming(text: string, stream: 'sound' | 'codes' = 'sound'): Command {
  return { text, ms: ANSWER_MS, optional: false, stream };
}

export const noScript: Script = { commands: [], unanswered: 0 };

export function startScript(commands: readonly Command[]): { readonly script: Script; readonly effects: Effect[] } {
  return { script: { commands, unanswered: 0 }, effects: sendHead(commands) };
}

export type Advance =
  | { readonly outcome: 'waiting'; readonly script: Script; readonly effects: Effect[] }
  /** An answer line that is no result code; `command` is what was asked. */
  | { readonly outcome: 'information'; readonly script: Script; readonly command: string; readonly text: string }
  | { readonly outcome: 'done'; readonly result: FinalResult }
  | { readonly outcome: 'failed'; readonly command: string; readonly result: FinalResult | 'no answer' };

/** Feeds an answer or a time-out to the command in flight. */
export function advance(script: Script, input: Input): Advance {
  const head = script.commands[0];
  if (head === undefined) return { outcome: 'done', result: 'OK' };
  if (input.type === 'timeout' && input.timer === 'command') return afterSilence(script, head);
  if (input.type !== 'line') return { outcome: 'waiting', script, effects: [] };
  const result = finalResult(input.text);
  if (result === undefined) return { outcome: 'information', script, command: head.text, text: input.text };
  const good = result === 'OK' || result === 'CONNECT' || result === 'VCON';
  const fits = good && (result === 'CONNECT') === (head.stream !== 'none');
  if (!fits && !head.optional) return { outcome: 'failed', command: head.text, result };
  return next({ commands: script.commands.slice(1), unanswered: 0 }, result);
}

function afterSilence(script: Script, head: Command): Advance {
  const unanswered = script.unanswered + 1;
  if (!head.optional || unanswered >= MAX_UNANSWERED) {
    return { outcome: 'failed', command: head.text, result: 'no answer' };
  }
  return next({ commands: script.commands.slice(1), unanswered }, 'ERROR');
}

function next(script: Script, result: FinalResult): Advance {
  if (script.commands.length === 0) return { outcome: 'done', result };
  return { outcome: 'waiting', script, effects: sendHead(script.commands) };
}

function sendHead(commands: readonly Command[]): Effect[] {
  const head = commands[0];
  if (head === undefined) return [];
  const effects: Effect[] = [
    { type: 'send', bytes: new TextEncoder().encode(`${head.text}\r`) },
    { type: 'set-timer', timer: 'command', ms: head.ms },
  ];
  return head.stream === 'sound' ? [{ type: 'expect-stream' }, ...effects] : effects;
}
