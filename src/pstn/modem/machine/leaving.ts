import { advance } from '#pstn/modem/machine/script.ts';
import type { Input, Leaving, State, Step } from '#pstn/modem/machine/state.ts';
import {
  after,
  enterIdle,
  enterResynchronising,
  enterStopped,
  enterStopping,
  exitLearnt,
  hangUp,
  secondExit,
} from '#pstn/modem/machine/transitions.ts';
import { finalResult } from '#pstn/modem/results.ts';

const STREAM_END_MS = 1000;

/** On the way on hook. The outcome of the call is told once the modem is there. */
export function inLeaving(state: Leaving, input: Input): Step {
  if (input.type === 'stop') return { state: { ...state, stop: true }, effects: [] };
  if (state.stage === 'commands') return inCommands(state, input);
  const waited = input.type === 'timeout' && input.timer === 'drain';
  const result = input.type === 'line' && finalResult(input.text) !== undefined;
  if (state.stage === 'result') {
    return waited || result ? hangUp(state.modem, state.outcome, state.stop) : { state, effects: [] };
  }
  if (input.type === 'code' && input.code === '\x03') {
    return awaitResult(state.nudged ? { ...state, modem: exitLearnt(state.modem) } : state);
  }
  if (!waited) return { state, effects: [] };
  if (state.nudged) return awaitResult(state);
  return {
    state: { ...state, nudged: true },
    effects: [
      { type: 'send', bytes: secondExit(state.modem) },
      { type: 'set-timer', timer: 'drain', ms: STREAM_END_MS },
    ],
  };
}

export function inStopping(state: Extract<State, { readonly phase: 'stopping' }>, input: Input): Step {
  const step = advance(state.script, input);
  if (step.outcome === 'waiting') return { state: { ...state, script: step.script }, effects: step.effects };
  return step.outcome === 'information' ? { state, effects: [] } : enterStopped();
}

function awaitResult(state: Leaving): Step {
  return {
    state: { ...state, stage: 'result' },
    effects: [{ type: 'set-timer', timer: 'drain', ms: STREAM_END_MS }],
  };
}

function inCommands(state: Leaving, input: Input): Step {
  const step = advance(state.script, input);
  switch (step.outcome) {
    case 'information':
      return { state, effects: [] };
    case 'waiting':
      return { state: { ...state, script: step.script }, effects: step.effects };
    case 'failed':
      return after(state.outcome, state.stop ? enterStopping() : enterResynchronising(1));
    case 'done':
      return after(state.outcome, state.stop ? enterStopping() : enterIdle(state.modem));
  }
}
