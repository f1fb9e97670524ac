import { utf8 } from '#platform/bytes.ts';
import { command, optional, type Script, startScript, startScriptBehind } from '#pstn/cellular/script.ts';
import type { Effect, Module, Outcome, Placing, Ringing, Step, TimerName } from '#pstn/cellular/state.ts';
import type { AnswerSupervision, DialFault } from '#pstn/line.ts';
import type { CellularProfile } from '#pstn/modem/profiles/schema.ts';

/** The ways from one phase into another: the new state with what has to be done on entering it. */

const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 5000;
const DRAIN_MS = 250;
const POLL_MS = 30_000;
/** Until a network is found again, and right behind a call, after which a module may have restarted. */
const POLL_SOON_MS = 5000;
const CALLER_ID_MS = 1500;
/** RING comes every 3 to 5 s; without it for so long the caller gave up. */
export const RING_GAP_MS = 8000;
export const LOOK_MS = 1000;
/** How long the network may take to connect a call that was answered here. */
const ANSWER_MS = 15_000;
/** A module in good health switches sound on at once. */
const HEALTH_MS = 1000;
export const WATCHDOG_MS = 1000;
/** From AT+CRESET to the ports coming back takes some 20 s (SIMCom's manual); after so long they are opened anew anyway. */
const RESTART_MS = 40_000;

/** Every timer but `open`. */
const timers: readonly TimerName[] = [
  'command',
  'drain',
  'poll',
  'caller-id',
  'ring-gap',
  'dial',
  'look',
  'health',
  'watchdog',
  'restart',
];
const quiet: readonly Effect[] = timers.map((timer) => ({ type: 'cancel-timer', timer }));

/** The devices are not there: try again later, ever less often up to every 5 s. */
export function enterClosed(reason: string, attempts: number): Step {
  const ms = Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempts, 10), MAX_RETRY_MS);
  return {
    state: { phase: 'closed', attempts: attempts + 1 },
    effects: [
      ...quiet,
      { type: 'close' },
      { type: 'status', status: { state: 'absent', reason } },
      { type: 'set-timer', timer: 'open', ms },
    ],
  };
}

export function enterOpening(attempts: number): Step {
  return { state: { phase: 'opening', attempts }, effects: [{ type: 'open' }] };
}

export function enterResynchronising(attempt: number): Step {
  return {
    state: { phase: 'resynchronising', attempt, script: undefined },
    effects: [
      ...quiet,
      { type: 'status', status: { state: 'starting' } },
      // Ends whatever command was half typed.
      { type: 'send', bytes: utf8('\r') },
      { type: 'set-timer', timer: 'drain', ms: DRAIN_MS },
    ],
  };
}

export function enterIdentifying(): Step {
  const { script, effects } = startScript([command('ATI'), optional('AT+CGMM')]);
  return { state: { phase: 'identifying', script, asked: 'ati', answers: {} }, effects };
}

export function enterInitialising(module: Module): Step {
  const { script, effects } = startScript([
    ...module.profile.init.map(optional),
    optional('AT+CPIN?'),
    optional('AT+CREG?'),
    optional('AT+CSQ'),
    command('AT+CLCC'),
  ]);
  return { state: { phase: 'initialising', script, module, card: undefined, leftover: false }, effects };
}

export function enterIdle(module: Module, afterCall = false): Step {
  return {
    state: { phase: 'idle', module, poll: undefined, dial: undefined },
    effects: [...quiet, { type: 'status', status: idleStatus(module) }, nextPoll(module, afterCall)],
  };
}

export function idleStatus({ description, isIn }: Module): Extract<Effect, { readonly type: 'status' }>['status'] {
  if (isIn) return { state: 'idle', modem: description };
  return { state: 'absent', reason: `no mobile network lets ${description} in: check antenna, card and contract` };
}

export function nextPoll({ isIn }: Module, afterCall = false): Effect {
  return { type: 'set-timer', timer: 'poll', ms: isIn && !afterCall ? POLL_MS : POLL_SOON_MS };
}

/** Rings, until +CLIP says who calls. */
export function enterRinging(module: Module): Step {
  const state: Ringing = { phase: 'ringing', module, announced: false };
  return {
    state,
    effects: [
      ...quiet,
      { type: 'status', status: { state: 'ringing', modem: module.description } },
      { type: 'set-timer', timer: 'ring-gap', ms: RING_GAP_MS },
      { type: 'set-timer', timer: 'caller-id', ms: CALLER_ID_MS },
    ],
  };
}

export function enterDialling(module: Module, digits: string, dialTimeoutMs: number): Step {
  const { off, on, at } = module.profile.sound;
  const first = at === 'dialling' ? `${off};${continued(on)}` : off;
  // One command line, so that nothing comes in between. The semicolon at its end makes it a voice call (3GPP TS 27.007 §6.2).
  const { script, effects } = startScript([command(`${first};D${digits};`, dialTimeoutMs)]);
  return placing(module, script, { outgoing: true, ms: dialTimeoutMs, effects });
}

export function enterAnswering(module: Module): Step {
  const { off, on, at } = module.profile.sound;
  const prepare = at === 'dialling' ? [optional(off), optional(on)] : [optional(off)];
  const { script, effects } = startScript([...prepare, command('ATA', ANSWER_MS)]);
  return placing(module, script, { outgoing: false, ms: ANSWER_MS, effects });
}

function placing(
  module: Module,
  script: Script,
  { outgoing, ms, effects }: { readonly outgoing: boolean; readonly ms: number; readonly effects: readonly Effect[] },
): Step {
  const common = { seen: false, listed: false, rang: false, answered: false } as const;
  const modem = module.description;
  return {
    state: { phase: 'placing', module, outgoing, stage: 'asking', script, ...common },
    effects: [
      ...quiet,
      { type: 'status', status: outgoing ? { state: 'dialling', modem } : { state: 'busy', modem } },
      { type: 'set-timer', timer: 'dial', ms },
      ...effects,
    ],
  };
}

/** The call is answered: its sound is switched on, where that was not done before. */
export function enterSound(state: Placing): Step {
  const { sound } = state.module.profile;
  if (sound.at === 'dialling') return enterTalking(state, undefined);
  const { script, effects } = startScript([command(sound.on)]);
  return {
    state: { ...state, stage: 'sound', script },
    effects: [...quiet, { type: 'set-timer', timer: 'health', ms: HEALTH_MS }, ...effects],
  };
}

/** `late`: sound is still being switched on, which a module in good health does at once. */
export function enterTalking({ module, outgoing }: Placing, late: 'late' | undefined): Step {
  const flow = { heard: 0, stillFor: 0, before: 0, seconds: 0 };
  const rest = { unanswered: 0, keys: '', listed: false, others: false, flow } as const;
  const keep = quiet.filter((effect) => !(late && effect.type === 'cancel-timer' && effect.timer === 'command'));
  const message = 'the module does not switch sound on at once: it is restarted after this call';
  return {
    state: { phase: 'talking', module, doing: late && 'sound', sick: late !== undefined, ...rest },
    effects: [
      ...keep,
      { type: 'status', status: { state: 'busy', modem: module.description } },
      { type: 'connected', answer: supervision(outgoing, module.profile) },
      { type: 'set-timer', timer: 'watchdog', ms: WATCHDOG_MS },
      { type: 'set-timer', timer: 'look', ms: LOOK_MS },
      ...(late ? [{ type: 'log', level: 'warn', message } as const] : []),
    ],
  };
}

function supervision(outgoing: boolean, { call }: CellularProfile): AnswerSupervision {
  if (!outgoing) return { kind: 'real', by: 'own-answer' };
  return call.early_answer ? { kind: 'inferred', by: 'modem' } : { kind: 'real', by: 'cellular' };
}

export interface Departure {
  /** Whether the network still has the call. */
  readonly hangUp?: boolean;
  readonly askCause?: boolean;
  readonly stop?: boolean;
  readonly restart?: boolean;
  /** Whether the answer to a command is still to come. */
  readonly inFlight?: boolean;
}

/** Out of a call, whoever ended it; what it came to is told once the module is free. */
export function leave(module: Module, outcome: Outcome, how: Departure): Step {
  const { call, sound } = module.profile;
  const { hangUp = false, askCause = false, stop = false, restart = false } = how;
  const start = how.inFlight ? startScriptBehind : startScript;
  const { script, effects } = start([
    ...(askCause ? [optional('AT+CEER')] : []),
    ...(hangUp ? [optional(call.hang_up)] : []),
    optional(sound.off),
    command('AT+CLCC'),
  ]);
  return {
    state: { phase: 'leaving', module, script, outcome, askCause, listed: false, stop, restart },
    effects: [...quiet, ...effects],
  };
}

export function enterRestarting(module: Module): Step {
  const { restart } = module.profile.sound;
  if (restart === undefined) return enterIdle(module, true);
  return {
    state: { phase: 'restarting', module },
    effects: [
      ...quiet,
      { type: 'status', status: { state: 'absent', reason: restartReason(module) } },
      { type: 'log', level: 'warn', message: 'the module is restarted, because its sound went bad' },
      { type: 'send', bytes: utf8(`${restart}\r`) },
      { type: 'set-timer', timer: 'restart', ms: RESTART_MS },
    ],
  };
}

export function restartReason({ description }: Module): string {
  return `${description} is being restarted, because its sound went bad`;
}

export function enterStopped(): Step {
  return {
    state: { phase: 'stopped' },
    effects: [
      ...quiet,
      { type: 'cancel-timer', timer: 'open' },
      { type: 'close' },
      { type: 'status', status: { state: 'absent', reason: 'stopped' } },
      { type: 'stopped' },
    ],
  };
}

export function failed(fault: DialFault): Outcome {
  return { type: 'failed', fault };
}

/** Tells an outcome first, then goes where the module stands. */
export function after(outcome: Outcome, step: Step): Step {
  return { state: step.state, effects: [{ type: 'outcome', outcome }, ...step.effects] };
}

/** A command as a further one of a line: without its AT. */
function continued(text: string): string {
  return text.replace(/^AT/i, '');
}
