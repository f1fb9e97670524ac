import { utf8 } from '#platform/bytes.ts';
import type { Effect, Event, Flow, Outcome, Step, Talking } from '#pstn/cellular/state.ts';
import { LOOK_MS, leave, WATCHDOG_MS } from '#pstn/cellular/transitions.ts';
import type { LineHangup } from '#pstn/line.ts';

const COMMAND_MS = 3000;
const MAX_UNANSWERED = 2;
/** Seconds without sound after which the call is of no use. */
const STILL_LIMIT = 3;
/** How much of the sound has to come within so many seconds; a module that went bad loses a quarter. */
const RATE_SECONDS = 5;
const LEAST_SAMPLES = RATE_SECONDS * 8000 * 0.85;

/** A call in progress. Sound does not pass through here. */
export function inTalking(state: Talking, event: Event): Step {
  switch (event.type) {
    case 'hang-up':
      return end(state, 'local');
    case 'silence':
      return end(state, 'silence');
    case 'press':
      return press({ ...state, keys: state.keys + event.keys });
    case 'stalled':
      return sick(state, 'the module takes no sound: the far end hears nothing; it is restarted after this call');
    case 'timeout':
      if (event.timer === 'watchdog') return watch(state, event.heard);
      if (event.timer === 'look') return look(state);
      return event.timer === 'command' ? unanswered(state) : { state, effects: [] };
    case 'said':
      return said(state, event.said);
    default:
      return { state, effects: [] };
  }
}

function said(state: Talking, said: Extract<Event, { readonly type: 'said' }>['said']): Step {
  switch (said.type) {
    case 'key':
      return { state, effects: [{ type: 'digit', digit: said.key }] };
    case 'waiting':
      return {
        state: { ...state, others: true },
        effects: [{ type: 'line-event', event: { type: 'call-waiting', callerId: said.callerId } }],
      };
    case 'listed':
      if (said.progress === 'waiting') return { state: { ...state, others: true }, effects: [] };
      return { state: { ...state, listed: true }, effects: [] };
    case 'over':
      return over(state);
    case 'progress':
      return said.progress === 'ended' ? over(state) : { state, effects: [] };
    case 'result':
      return answered(state, said.ok);
    default:
      return { state, effects: [] };
  }
}

/** The network says that a call is over: with another one waiting it may be that. */
function over(state: Talking): Step {
  return state.others ? look(state) : end(state, 'far-end');
}

function answered(state: Talking, ok: boolean): Step {
  const { doing } = state;
  if (doing === undefined) return { state, effects: [] };
  const free: Talking = { ...state, doing: undefined, unanswered: 0 };
  const quiet: Effect = { type: 'cancel-timer', timer: 'command' };
  if (doing === 'look') {
    if (ok && !state.listed) return end(free, 'far-end');
    return before([quiet], press(free));
  }
  if (doing === 'sound') return before([quiet], press(free));
  const refused: Effect = { type: 'log', level: 'warn', message: 'the module refused to send a key' };
  const effects = ok ? [quiet] : [quiet, refused];
  if (free.keys !== '') return before(effects, press(free));
  return { state: free, effects: [...effects, { type: 'pressed' }] };
}

/** Sends the next key, once nothing else is in flight: the module plays it for the far end (3GPP TS 27.007 §C.2.11). */
function press(state: Talking): Step {
  const key = state.keys.slice(0, 1);
  if (state.doing !== undefined || key === '') return { state, effects: [] };
  return ask({ ...state, doing: 'key', keys: state.keys.slice(1) }, `AT+VTS=${key}`);
}

/** Whether the network still has the call, where its end was not told. */
function look(state: Talking): Step {
  const again: Effect = { type: 'set-timer', timer: 'look', ms: LOOK_MS };
  if (state.doing !== undefined) return { state, effects: [again] };
  return before([again], ask({ ...state, doing: 'look', listed: false }, 'AT+CLCC'));
}

function unanswered(state: Talking): Step {
  const count = state.unanswered + 1;
  if (count >= MAX_UNANSWERED) return end(state, 'modem-lost');
  const free: Talking = { ...state, doing: undefined, unanswered: count };
  const next = press(free);
  return state.doing === 'key' && free.keys === '' ? before([{ type: 'pressed' }], next) : next;
}

function watch(state: Talking, heard: number): Step {
  const { flow } = state;
  const stillFor = heard === flow.heard ? flow.stillFor + 1 : 0;
  if (stillFor >= STILL_LIMIT) return end({ ...state, sick: true }, 'modem-lost');
  const due = flow.seconds + 1 >= RATE_SECONDS;
  const slow = due && heard - flow.before < LEAST_SAMPLES && flow.before > 0;
  const next: Flow = due
    ? { heard, stillFor, before: heard, seconds: 0 }
    : { heard, stillFor, before: flow.before, seconds: flow.seconds + 1 };
  const watched: Step = {
    state: { ...state, flow: next },
    effects: [{ type: 'set-timer', timer: 'watchdog', ms: WATCHDOG_MS }],
  };
  if (!slow) return watched;
  const worse = sick({ ...state, flow: next }, 'sound of the module has gaps: it is restarted after this call');
  return { state: worse.state, effects: [...watched.effects, ...worse.effects] };
}

function sick(state: Talking, message: string): Step {
  if (state.sick) return { state, effects: [] };
  return { state: { ...state, sick: true }, effects: [{ type: 'log', level: 'warn', message }] };
}

function end(state: Talking, hangup: LineHangup): Step {
  const outcome: Outcome = { type: 'ended', hangup };
  return leave(state.module, outcome, {
    hangUp: hangup !== 'far-end',
    restart: state.sick,
    inFlight: state.doing !== undefined,
  });
}

function ask(state: Talking, text: string): Step {
  return {
    state,
    effects: [
      { type: 'send', bytes: utf8(`${text}\r`) },
      { type: 'set-timer', timer: 'command', ms: COMMAND_MS },
    ],
  };
}

function before(effects: readonly Effect[], step: Step): Step {
  return { state: step.state, effects: [...effects, ...step.effects] };
}
