import { countries, longestPause } from '#pstn/countries.ts';
import type { AnswerSupervision, DialFault, LineHangup } from '#pstn/line.ts';
import { newWatch } from '#pstn/modem/machine/call-watch.ts';
import { advance, command, startScript } from '#pstn/modem/machine/script.ts';
import type {
  CallWatch,
  Dialling,
  Flow,
  Input,
  Listening,
  MachineOptions,
  Modem,
  Outcome,
  State,
  Step,
} from '#pstn/modem/machine/state.ts';
import {
  after,
  byTurns,
  enterResynchronising,
  enterTalking,
  failed,
  hangUp,
  hearing,
  leaveCommand,
  leaveStream,
  WATCHDOG_MS,
} from '#pstn/modem/machine/transitions.ts';
import type { FinalResult } from '#pstn/modem/results.ts';

/** Without any ringback for so long after dialling the far end is taken to have answered at once, as +VRN has it. */
const NEVER_RANG_MS = 10_000;
/** Exchanges give dial tone within 3 s (ITU-T Q.543 has far less); nobody knows it before it has lasted for a second or two. */
const DIAL_TONE_MS = 6000;
/** A digit with its pause, and a comma, as they are played; the echo of the line and of the modem's buffers behind them. */
const DIGIT_MS = 180;
const PAUSE_MS = 2000;
const ECHO_MS = 600;
/** A modem that turns out to have no full duplex dials itself; the dial timer ends that. */
const DIAL_MS = 300_000;
/** Seconds without any sound from the modem that mean it is stuck. */
const STILL_LIMIT = 3;

type Answering = Extract<State, { readonly phase: 'answering' }>;

export function inAnswering(state: Answering, input: Input): Step {
  if (input.type === 'hang-up') return leaveCommand(state.modem, failed({ code: 'aborted' }));
  const step = advance(state.script, input);
  switch (step.outcome) {
    case 'information':
      return { state, effects: [] };
    case 'waiting':
      return { state: { ...state, script: step.script }, effects: step.effects };
    case 'failed':
      return (
        takingTurns(state, step.command, step.result) ?? leaveCommand(state.modem, refused(step.command, step.result))
      );
    case 'done':
      return connect(state.modem, { kind: 'real', by: 'own-answer' }, newWatch(false));
  }
}

export function inDialling(state: Dialling, input: Input): Step {
  if (input.type === 'hang-up') return leaveCommand(state.modem, failed({ code: 'aborted' }));
  if (input.type === 'timeout' && input.timer === 'dial') {
    return leaveCommand(state.modem, failed({ code: 'no-answer' }));
  }
  if (isRing(input)) return leaveCommand(state.modem, failed({ code: 'glare' }));
  if (input.type === 'code')
    return { state: { ...state, reversed: state.reversed || isReversal(input.code) }, effects: [] };
  const step = advance(state.script, input);
  switch (step.outcome) {
    case 'information':
      return { state, effects: [] };
    case 'waiting':
      return { state: { ...state, script: step.script }, effects: step.effects };
    case 'failed':
      return takingTurns(state, step.command, step.result) ?? notReached(state.modem, step.command, step.result);
    case 'done':
      return reached(state, step.result);
  }
}

/**
 * The modem dialled and left the rest to us: sound flows already, and what becomes of the call is known from the modem's reports and from our own
 * ear. A loop interruption or polarity reversal here is the exchange's answer signal.
 */
export function inListening(state: Listening, input: Input, options: MachineOptions): Step {
  if (input.type === 'hang-up') return leaveStream(state.modem, failed({ code: 'aborted' }));
  if (input.type === 'timeout') return listeningTimeout(state, input);
  if (input.type === 'heard') return heardListening(state, input, options);
  // Before dial tone a modem reports what going off hook does to the line.
  if (input.type !== 'code' || (state.dial !== undefined && input.code !== '\x03')) return { state, effects: [] };
  switch (input.code) {
    case 'r':
      return rings(state, options);
    case 'b':
    case 'K':
      return leaveStream(state.modem, failed({ code: 'busy' }));
    case 'J':
      return leaveStream(state.modem, failed({ code: 'special-information' }));
    case 'l':
    case 'L':
      return answered(state, input.heard, { kind: 'real', by: 'polarity' });
    case '\x03':
      return hangUp(state.modem, failed({ code: 'no-answer' }));
    default:
      return { state, effects: [] };
  }
}

function heardListening(
  state: Listening,
  { what, heard }: Extract<Input, { type: 'heard' }>,
  options: MachineOptions,
): Step {
  if (state.dial !== undefined && what === 'dial') return dialOurselves(state, state.dial, heard);
  switch (what) {
    case 'busy':
    case 'congestion':
    case 'special-information':
      return leaveStream(state.modem, failed({ code: what }));
    case 'ringback':
      return rings(state, options);
    case 'voice':
      if (state.dial !== undefined)
        return leaveStream(state.modem, failed({ code: 'line-unavailable', state: 'in-use' }));
      if (heard < state.deafUntil) return { state, effects: [] };
      return answered(state, heard, { kind: 'inferred', by: 'voice' });
    default:
      return { state, effects: [] };
  }
}

/** There is dial tone: the digits go out, and then it is listened to what becomes of them. */
function dialOurselves(state: Listening, digits: string, heard: number): Step {
  const ms = [...digits].reduce((all, digit) => all + (digit === ',' ? PAUSE_MS : DIGIT_MS), 0);
  return {
    state: { ...state, dial: undefined, deafUntil: heard + (ms + ECHO_MS) * 8 },
    effects: [
      { type: 'dial-tones', digits },
      { type: 'set-timer', timer: 'answer-inferred', ms: ms + NEVER_RANG_MS },
    ],
  };
}

function rings(state: Listening, options: MachineOptions): Step {
  // Reported at either end of a burst, so burst and pause pass before the next report is late.
  const { cadence } = countries[options.country].ringback;
  const ms = Math.max(0, ...cadence) + longestPause(cadence) + 500;
  return { state: { ...state, rang: true }, effects: [{ type: 'set-timer', timer: 'answer-inferred', ms }] };
}

function isReversal(code: string): boolean {
  return code === 'l' || code === 'L';
}

/** Some modems report rings as a code once they are in voice class (ITU-T V.253 table 14). */
export function isRing(input: Input): boolean {
  return (input.type === 'line' && input.text === 'RING') || (input.type === 'code' && input.code === 'R');
}

/** Whether sound still comes; undefined once it has been missing too long. */
export function watch(flow: Flow, heard: number): Flow | undefined {
  const stillFor = heard > flow.heard ? 0 : flow.stillFor + 1;
  return stillFor >= STILL_LIMIT ? undefined : { heard, stillFor };
}

/** The modem stopped talking to us in the middle of a call. */
export function stuck(outcome: Outcome): Step {
  return after(outcome, enterResynchronising(1));
}

function listeningTimeout(state: Listening, input: Extract<Input, { type: 'timeout' }>): Step {
  if (input.timer === 'answer-inferred') {
    if (state.dial !== undefined) return leaveStream(state.modem, failed({ code: 'no-dial-tone' }));
    return answered(state, input.heard, { kind: 'inferred', by: state.rang ? 'ringback-gone' : 'no-ringback' });
  }
  if (input.timer === 'dial') return leaveStream(state.modem, failed({ code: 'no-answer' }));
  if (input.timer !== 'watchdog') return { state, effects: [] };
  const flow = watch(state.flow, input.heard);
  if (flow === undefined) return stuck(failed({ code: 'modem', detail: 'the modem sends no sound' }));
  return { state: { ...state, flow }, effects: [{ type: 'set-timer', timer: 'watchdog', ms: WATCHDOG_MS }] };
}

function connect(modem: Modem, answer: AnswerSupervision, watch: CallWatch): Step {
  const { state, effects } = enterTalking(modem, 0, watch);
  return { state, effects: [...effects, { type: 'stream' }, { type: 'connected', answer }] };
}

function answered(state: Listening, heard: number, answer: AnswerSupervision): Step {
  const { state: talking, effects } = enterTalking(state.modem, heard, newWatch(true, answer.by === 'polarity'));
  return {
    state: talking,
    effects: [...effects, { type: 'cancel-timer', timer: 'dial' }, { type: 'connected', answer }],
  };
}

/** ATD is done, or the stream behind it has begun. VCON means answered; OK means dialled and no more. */
function reached(state: Dialling, result: FinalResult): Step {
  if (result !== 'CONNECT') {
    const { modem, enter } = hearing(state.modem);
    const { script, effects } = startScript([enter]);
    return { state: { ...state, modem, script, answered: result === 'VCON' }, effects };
  }
  if (state.answered && state.reversed) {
    return connect(state.modem, { kind: 'real', by: 'polarity' }, newWatch(true, true));
  }
  if (state.answered) return connect(state.modem, { kind: 'inferred', by: 'modem' }, newWatch(true));
  return {
    state: {
      phase: 'listening',
      modem: state.modem,
      flow: { heard: 0, stillFor: 0 },
      rang: false,
      dial: state.own,
      deafUntil: 0,
    },
    effects: [
      { type: 'cancel-timer', timer: 'command' },
      { type: 'stream' },
      { type: 'set-timer', timer: 'answer-inferred', ms: state.own === undefined ? NEVER_RANG_MS : DIAL_TONE_MS },
      { type: 'set-timer', timer: 'watchdog', ms: WATCHDOG_MS },
    ],
  };
}

/** A modem that refuses +VTR hears the call by +VRX instead. */
function takingTurns(state: Answering | Dialling, asked: string, result: string): Step | undefined {
  const half = byTurns(state.modem, asked, result);
  if (half === undefined) return undefined;
  if (state.phase === 'dialling' && state.own !== undefined) {
    const { script, effects } = startScript([command(`ATDT${state.own}`, DIAL_MS)]);
    return { state: { ...state, modem: half.modem, script, own: undefined }, effects: [half.effect, ...effects] };
  }
  const { modem, enter } = hearing(half.modem);
  const { script, effects } = startScript([enter]);
  return { state: { ...state, modem, script }, effects: [half.effect, ...effects] };
}

function notReached(modem: Modem, command: string, result: FinalResult | 'no answer'): Step {
  const fault = dialFault(command, result);
  return result === 'no answer' ? leaveCommand(modem, failed(fault)) : hangUp(modem, failed(fault));
}

function dialFault(command: string, result: FinalResult | 'no answer'): DialFault {
  if (!command.startsWith('ATD')) return { code: 'modem', detail: `${command}: ${result}` };
  switch (result) {
    case 'BUSY':
      return { code: 'busy' };
    case 'NO ANSWER':
    case 'no answer':
      return { code: 'no-answer' };
    case 'NO DIALTONE':
    case 'NO LINE':
      return { code: 'no-dial-tone' };
    case 'LINE IN USE':
      return { code: 'line-unavailable', state: 'in-use' };
    case 'NO CARRIER':
      return { code: 'no-answer' };
    default:
      return { code: 'modem', detail: `${command.slice(0, 6)} answered ${result}` };
  }
}

function refused(command: string, result: FinalResult | 'no answer'): Outcome {
  return failed({ code: 'modem', detail: `${command}: ${result}` });
}

/** A call that ended for `hangup`. */
export function ended(hangup: LineHangup): Outcome {
  return { type: 'ended', hangup };
}
