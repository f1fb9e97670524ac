import { ETX_CODE, shieldedCode } from '#pstn/modem/dle.ts';
import { inLeaving, inStopping } from '#pstn/modem/machine/leaving.ts';
import { ended, inAnswering, inDialling, inListening } from '#pstn/modem/machine/placing.ts';
import { inClosed, inIdentifying, inInitialising, inOpening, inResynchronising } from '#pstn/modem/machine/setup.ts';
import { inSnooping } from '#pstn/modem/machine/snooping.ts';
import type { Input, MachineOptions, Modem, Outcome, State, Step, Turning } from '#pstn/modem/machine/state.ts';
import { inSignalling, inTalking } from '#pstn/modem/machine/talking.ts';
import { withTelephones } from '#pstn/modem/machine/telephones.ts';
import {
  after,
  enterClosed,
  enterOpening,
  enterStopped,
  enterStopping,
  failed,
  leaveCommand,
  leaveStream,
} from '#pstn/modem/machine/transitions.ts';
import { inTurning } from '#pstn/modem/machine/turning.ts';
import { inIdle, inRinging } from '#pstn/modem/machine/waiting.ts';

export const initialState: State = { phase: 'stopped' };

/** One step of a voice modem's driver: pure, with time-outs as inputs. Sound does not pass through here. */
export function step(state: State, input: Input, options: MachineOptions): Step {
  if (input.type === 'lost') return lost(state, input.reason);
  if (input.type === 'stop' && state.phase !== 'leaving') return stop(state);
  if (input.type === 'code' && 'modem' in state && !isBelieved(state.modem, input.code)) return { state, effects: [] };
  return inPhase(withTelephones(state, input), input, options);
}

function inPhase(state: State, input: Input, options: MachineOptions): Step {
  switch (state.phase) {
    case 'stopped':
      return input.type === 'start' ? enterOpening(0) : { state, effects: [] };
    case 'closed':
      return inClosed(state, input);
    case 'opening':
      return inOpening(state, input);
    case 'resynchronising':
      return inResynchronising(state, input);
    case 'identifying':
      return inIdentifying(state, input, options);
    case 'initialising':
      return inInitialising(state, input);
    case 'idle':
      return inIdle(state, input, options);
    case 'ringing':
      return inRinging(state, input);
    case 'snooping':
      return inSnooping(state, input);
    case 'answering':
      return inAnswering(state, input);
    case 'dialling':
      return inDialling(state, input);
    case 'listening':
      return inListening(state, input, options);
    case 'talking':
      return inTalking(state, input);
    case 'signalling':
      return inSignalling(state, input);
    case 'turning':
      return caughtUp(state, inTurning(state, input));
    case 'leaving':
      return inLeaving(state, input);
    case 'stopping':
      return inStopping(state, input);
  }
}

/** Digits and the end of a stream always are; of the other reports those that the profile trusts. */
function isBelieved({ profile }: Modem, code: string): boolean {
  return code === ETX_CODE || /^[0-9*#A-D/~uo]$/.test(code) || profile.codes.trusted.includes(code);
}

/** What the modem reported while it changed direction counts as soon as the call goes on. */
function caughtUp({ late }: Turning, turned: Step): Step {
  let { state, effects } = turned;
  if (state.phase !== 'talking') return turned;
  for (const report of late) {
    if (state.phase !== 'talking') break;
    const next = inTalking(state, report);
    state = next.state;
    effects = [...effects, ...next.effects];
  }
  return { state, effects };
}

/** The device is gone, in whatever phase. */
function lost(state: State, reason: string): Step {
  if (state.phase === 'stopped') return { state, effects: [] };
  if (state.phase === 'stopping') return enterStopped();
  if (state.phase === 'leaving' && state.stop) return after(state.outcome, enterStopped());
  const closed = enterClosed(reason, state.phase === 'opening' ? state.attempts : 0);
  const outcome = outcomeOfLoss(state);
  if (outcome) return after(outcome, closed);
  if (state.phase !== 'ringing') return closed;
  return { state: closed.state, effects: [{ type: 'abandoned', why: 'modem-lost' }, ...closed.effects] };
}

function outcomeOfLoss(state: State): Outcome | undefined {
  const vanished = failed({ code: 'modem', detail: 'the modem vanished' });
  switch (state.phase) {
    case 'talking':
    case 'signalling':
    case 'turning':
      return ended('modem-lost');
    case 'leaving':
      return state.outcome;
    case 'answering':
    case 'dialling':
    case 'listening':
      return vanished;
    case 'idle':
      return state.dial === undefined ? undefined : vanished;
    default:
      return undefined;
  }
}

function stop(state: State): Step {
  const aborted = failed({ code: 'aborted' });
  switch (state.phase) {
    case 'stopped':
      return { state, effects: [{ type: 'stopped' }] };
    case 'stopping':
      return { state, effects: [] };
    case 'closed':
    case 'opening':
      return enterStopped();
    case 'talking':
    case 'signalling':
    case 'turning':
      return leaveStream(state.modem, ended('local'), true);
    case 'listening':
      return leaveStream(state.modem, aborted, true);
    case 'answering':
    case 'dialling':
      return leaveCommand(state.modem, aborted, true);
    case 'snooping': {
      const { state: stopping, effects } = enterStopping();
      return { state: stopping, effects: [{ type: 'send', bytes: shieldedCode('!') }, ...effects] };
    }
    case 'ringing': {
      const { state: stopping, effects } = enterStopping();
      return { state: stopping, effects: [{ type: 'abandoned', why: 'modem-lost' }, ...effects] };
    }
    default:
      return state.phase === 'idle' && state.dial !== undefined ? after(aborted, enterStopping()) : enterStopping();
  }
}
