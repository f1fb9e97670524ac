import { inLeaving, inRestarting } from '#pstn/cellular/leaving.ts';
import { inPlacing } from '#pstn/cellular/placing.ts';
import { type Said, understand } from '#pstn/cellular/says.ts';
import { inClosed, inIdentifying, inInitialising, inOpening, inResynchronising } from '#pstn/cellular/setup.ts';
import type { Event, Input, MachineOptions, Module, Outcome, State, Step } from '#pstn/cellular/state.ts';
import { inTalking } from '#pstn/cellular/talking.ts';
import {
  after,
  enterClosed,
  enterOpening,
  enterStopped,
  failed,
  leave,
  restartReason,
} from '#pstn/cellular/transitions.ts';
import { inIdle, inRinging } from '#pstn/cellular/waiting.ts';

export const initialState: State = { phase: 'stopped' };

/** One step of a cellular module's driver: pure, with time-outs as inputs. Sound does not pass through here. */
export function step(state: State, input: Input, options: MachineOptions): Step {
  if (input.type === 'lost') return lost(state, input.reason);
  if (input.type === 'stop' && state.phase !== 'leaving') return stop(state);
  if (input.type !== 'line') return inPhase(state, input, options);
  const module = 'module' in state ? state.module : undefined;
  const said = understand(input.text, module?.profile.keys);
  return inPhase(informed(state, said), { type: 'said', said, line: input.text }, options);
}

/** Network and signal are kept whenever they are told. */
function informed(state: State, said: Said): State {
  if (!('module' in state)) return state;
  if (said.type === 'registration') return { ...state, module: { ...state.module, isIn: said.isIn } };
  if (said.type === 'signal') return { ...state, module: { ...state.module, signalDbm: said.dbm } };
  return state;
}

function inPhase(state: State, event: Event, options: MachineOptions): Step {
  switch (state.phase) {
    case 'stopped':
      return event.type === 'start' ? enterOpening(0) : { state, effects: [] };
    case 'closed':
      return inClosed(state, event);
    case 'opening':
      return inOpening(state, event);
    case 'resynchronising':
      return inResynchronising(state, event);
    case 'identifying':
      return inIdentifying(state, event, options);
    case 'initialising':
      return inInitialising(state, event);
    case 'idle':
      return inIdle(state, event, options);
    case 'ringing':
      return inRinging(state, event);
    case 'placing':
      return inPlacing(state, event);
    case 'talking':
      return inTalking(state, event);
    case 'leaving':
      return inLeaving(state, event);
    case 'restarting':
      return inRestarting(state, event);
  }
}

/** A device is gone, in whatever phase. */
function lost(state: State, reason: string): Step {
  if (state.phase === 'stopped') return { state, effects: [] };
  if (state.phase === 'leaving' && state.stop) return after(state.outcome, enterStopped());
  const why = state.phase === 'restarting' ? restartReason(state.module) : reason;
  const closed = enterClosed(why, state.phase === 'opening' ? state.attempts : 0);
  const outcome = outcomeOfLoss(state);
  if (outcome) return after(outcome, closed);
  if (state.phase !== 'ringing') return closed;
  return { state: closed.state, effects: [{ type: 'abandoned', why: 'modem-lost' }, ...closed.effects] };
}

function outcomeOfLoss(state: State): Outcome | undefined {
  const vanished = failed({ code: 'modem', detail: 'the module vanished' });
  if (state.phase === 'talking') return { type: 'ended', hangup: 'modem-lost' };
  if (state.phase === 'leaving') return state.outcome;
  return state.phase === 'placing' || (state.phase === 'idle' && state.dial !== undefined) ? vanished : undefined;
}

function stop(state: State): Step {
  const aborted = failed({ code: 'aborted' });
  switch (state.phase) {
    case 'talking':
      return leave(
        state.module,
        { type: 'ended', hangup: 'local' },
        {
          hangUp: true,
          stop: true,
          inFlight: state.doing !== undefined,
        },
      );
    case 'placing':
      return leave(state.module, aborted, {
        hangUp: true,
        stop: true,
        inFlight: state.script.commands.length > 0,
      });
    case 'ringing': {
      const { state: stopped, effects } = enterStopped();
      return { state: stopped, effects: [{ type: 'abandoned', why: 'modem-lost' }, ...effects] };
    }
    default:
      return state.phase === 'idle' && state.dial !== undefined ? after(aborted, enterStopped()) : enterStopped();
  }
}

/** The module, once it is known. */
export function moduleOf(state: State): Module | undefined {
  return 'module' in state ? state.module : undefined;
}
