import { ETX_CODE, shieldedCode } from '#pstn/modem/dle.ts';
import { ended } from '#pstn/modem/machine/placing.ts';
import { advance, noScript, startScript, streaming } from '#pstn/modem/machine/script.ts';
import type { Input, State, Step, Turning } from '#pstn/modem/machine/state.ts';
import { enterTalking, leaveCommand, leaveStream } from '#pstn/modem/machine/transitions.ts';
import { finalResult } from '#pstn/modem/results.ts';

/** Recording ends at once; what is left to play may take a while. */
const HEARD_END_MS = 1000;
const PLAYED_END_MS = 3000;
const RESULT_MS = 500;
const MAX_LATE = 16;

/** Half duplex: the other direction is wanted. */
export function enterTurning(state: Extract<State, { readonly phase: 'talking' }>, to: 'hear' | 'speak'): Step {
  const { modem, key, watch } = state;
  if (modem.duplex === 'full' || modem.way === to) return { state, effects: [] };
  return {
    state: { phase: 'turning', modem, to, stage: 'stream', script: noScript, key, watch, late: [] },
    effects: [
      { type: 'cancel-timer', timer: 'watchdog' },
      { type: 'send', bytes: shieldedCode(to === 'hear' ? ETX_CODE : '!') },
      { type: 'set-timer', timer: 'drain', ms: to === 'hear' ? PLAYED_END_MS : HEARD_END_MS },
    ],
  };
}

/** Between two streams: the end of the one, its result, then the command for the other. */
export function inTurning(state: Turning, input: Input): Step {
  if (input.type === 'hang-up') {
    const leave = state.stage === 'stream' ? leaveStream : leaveCommand;
    return leave(state.modem, ended('local'));
  }
  if (input.type === 'code' && input.code !== ETX_CODE) {
    return { state: { ...state, late: [...state.late, input].slice(0, MAX_LATE) }, effects: [] };
  }
  if (state.stage === 'commands') return inCommands(state, input);
  const waited = input.type === 'timeout' && input.timer === 'drain';
  const result = input.type === 'line' && finalResult(input.text) !== undefined;
  if (waited || result) return begin(state);
  if (state.stage === 'stream' && input.type === 'code' && input.code === ETX_CODE) {
    return { state: { ...state, stage: 'result' }, effects: [{ type: 'set-timer', timer: 'drain', ms: RESULT_MS }] };
  }
  return { state, effects: [] };
}

function begin(state: Turning): Step {
  const enter = state.to === 'hear' ? streaming('AT+VRX') : streaming('AT+VTX', 'codes');
  const { script, effects } = startScript([enter]);
  return {
    state: { ...state, stage: 'commands', script },
    effects: [{ type: 'cancel-timer', timer: 'drain' }, { type: 'read-lines' }, ...effects],
  };
}

function inCommands(state: Turning, input: Input): Step {
  const step = advance(state.script, input);
  switch (step.outcome) {
    case 'information':
      return { state, effects: [] };
    case 'waiting':
      return { state: { ...state, script: step.script }, effects: step.effects };
    case 'failed':
      return leaveCommand(state.modem, ended('modem-lost'));
    case 'done': {
      const { state: talking, effects } = enterTalking({ ...state.modem, way: state.to }, 0, state.watch);
      const again = talking.phase === 'talking' ? { ...talking, key: state.key } : talking;
      return { state: again, effects: [...effects, { type: 'stream' }] };
    }
  }
}
