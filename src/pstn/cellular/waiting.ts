import type { Progress, Said } from '#pstn/cellular/says.ts';
import { advance, command, optional, startScript } from '#pstn/cellular/script.ts';
import type { Event, Idle, MachineOptions, Ringing, Step } from '#pstn/cellular/state.ts';
import {
  after,
  enterAnswering,
  enterDialling,
  enterIdle,
  enterResynchronising,
  enterRinging,
  failed,
  idleStatus,
  nextPoll,
  RING_GAP_MS,
} from '#pstn/cellular/transitions.ts';
import type { CallerId } from '#pstn/line.ts';

const unknownCaller: CallerId = { number: undefined, name: undefined, presentation: 'unavailable' };

/** Between calls. */
export function inIdle(state: Idle, event: Event, options: MachineOptions): Step {
  if (event.type === 'said' && isIncoming(event.said)) return rings(state);
  if (event.type === 'dial') {
    if (state.poll) return { state: { ...state, dial: event.digits }, effects: [] };
    return enterDialling(state.module, event.digits, options.dialTimeoutMs);
  }
  if (event.type === 'hang-up' && state.dial !== undefined) {
    return after(failed({ code: 'aborted' }), { state: { ...state, dial: undefined }, effects: [] });
  }
  if (event.type === 'timeout' && event.timer === 'poll') {
    const { script, effects } = startScript([command('AT+CREG?'), optional('AT+CSQ'), optional('AT+CLIP?')]);
    return { state: { ...state, poll: script }, effects };
  }
  if (state.poll === undefined) return { state, effects: [] };
  if (event.type === 'said' && event.said.type === 'caller-id-on' && !event.said.on) {
    return startOver(state, 'the module lost its settings');
  }
  const step = advance(state.poll, event);
  if (step.outcome === 'waiting') return { state: { ...state, poll: step.script }, effects: step.effects };
  if (step.outcome === 'failed') return startOver(state, `the module answered ${step.result} to ${step.command}`);
  if (state.dial !== undefined) return enterDialling(state.module, state.dial, options.dialTimeoutMs);
  return {
    state: { ...state, poll: undefined },
    effects: [
      { type: 'cancel-timer', timer: 'command' },
      { type: 'status', status: idleStatus(state.module) },
      nextPoll(state.module),
    ],
  };
}

export function inRinging(state: Ringing, event: Event): Step {
  if (event.type === 'answer') return enterAnswering(state.module);
  if (event.type === 'timeout' && event.timer === 'ring-gap') return gaveUp(state);
  if (event.type === 'timeout' && event.timer === 'caller-id') return announce(state, unknownCaller);
  if (event.type !== 'said') return { state, effects: [] };
  const { said } = event;
  if (said.type === 'caller') return announce(state, said.callerId);
  if (isGone(said)) return gaveUp(state);
  if (said.type === 'ring') return { state, effects: [{ type: 'set-timer', timer: 'ring-gap', ms: RING_GAP_MS }] };
  return { state, effects: [] };
}

function rings({ module, dial }: Idle): Step {
  const ringing = enterRinging(module);
  return dial === undefined ? ringing : after(failed({ code: 'glare' }), ringing);
}

function announce(state: Ringing, callerId: CallerId): Step {
  if (state.announced) return { state, effects: [] };
  return {
    state: { ...state, announced: true },
    effects: [
      { type: 'cancel-timer', timer: 'caller-id' },
      { type: 'ring', callerId },
    ],
  };
}

/** A ring that was never announced is told first: a call was missed. */
function gaveUp(state: Ringing): Step {
  const told = announce(state, unknownCaller);
  const { state: idle, effects } = enterIdle(state.module);
  return { state: idle, effects: [...told.effects, { type: 'abandoned', why: 'caller-gave-up' }, ...effects] };
}

function startOver(state: Idle, message: string): Step {
  const { state: next, effects } = enterResynchronising(1);
  const step: Step = { state: next, effects: [{ type: 'log', level: 'warn', message }, ...effects] };
  return state.dial === undefined ? step : after(failed({ code: 'modem', detail: message }), step);
}

function isIncoming(said: Said): boolean {
  return said.type === 'ring' || said.type === 'caller' || (said.type === 'progress' && said.progress === 'incoming');
}

function isGone(said: Said): boolean {
  const ended: Progress = 'ended';
  return said.type === 'over' || said.type === 'missed' || (said.type === 'progress' && said.progress === ended);
}
