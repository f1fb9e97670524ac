import { advance, command, noScript, startScript } from '#pstn/cellular/script.ts';
import type { Event, Placing, Step } from '#pstn/cellular/state.ts';
import {
  after,
  type Departure,
  enterRinging,
  enterSound,
  enterTalking,
  failed,
  LOOK_MS,
  leave,
} from '#pstn/cellular/transitions.ts';
import type { DialFault } from '#pstn/line.ts';

/** From dialling or answering until sound flows. */
export function inPlacing(state: Placing, event: Event): Step {
  if (event.type === 'hang-up') return giveUp(state, { code: 'aborted' }, { hangUp: true });
  if (event.type === 'timeout' && event.timer === 'dial') return giveUp(state, { code: 'no-answer' }, { hangUp: true });
  if (event.type === 'said') {
    const heard = heardOf(state, event);
    if (heard) return heard;
  }
  if (state.stage === 'sound') return switching(state, event);
  return state.stage === 'asking' ? asking(state, event) : waiting(state, event);
}

/** What is said of the call itself; undefined when it is something else. */
function heardOf(state: Placing, { said }: Extract<Event, { readonly type: 'said' }>): Step | undefined {
  switch (said.type) {
    case 'ring':
      return { state: { ...state, rang: true }, effects: [] };
    case 'over':
      return over(state, said.why);
    case 'progress':
    case 'listed': {
      if (said.progress === 'ended') return over(state, 'ended');
      const listed = state.listed || said.type === 'listed';
      if (said.progress !== 'active') return { state: { ...state, seen: true, listed }, effects: [] };
      if (state.stage === 'sound') return { state, effects: [] };
      const answered: Placing = { ...state, seen: true, listed, answered: true };
      return isFree(state) ? enterSound(answered) : { state: answered, effects: [] };
    }
    default:
      return undefined;
  }
}

function over(state: Placing, why: 'busy' | 'no-answer' | 'ended'): Step {
  // What ends dialling or answering is the result of that command too.
  const free = state.stage === 'asking' ? { ...state, script: noScript } : state;
  if (!state.outgoing) return giveUp(free, { code: 'aborted' }, {});
  if (why !== 'ended') return giveUp(free, { code: why }, {});
  return giveUp(free, { code: 'modem', detail: 'the network ended the call' }, { askCause: true });
}

/** Dialling or answering is not confirmed yet. */
function asking(state: Placing, event: Event): Step {
  const step = advance(state.script, event);
  if (step.outcome === 'waiting') return { state: { ...state, script: step.script }, effects: step.effects };
  const free: Placing = { ...state, script: noScript };
  if (step.outcome === 'done') return toWaiting({ ...free, stage: 'waiting' });
  // A call came in first, and goes on ringing.
  if (state.outgoing && state.rang) return after(failed({ code: 'glare' }), enterRinging(state.module));
  const detail = `it answered ${step.result} to ${state.outgoing ? 'dialling' : 'ATA'}`;
  return giveUp(free, { code: 'modem', detail }, { hangUp: state.outgoing });
}

/** Looks every second how far the call came, since not every module tells of every step. */
function waiting(state: Placing, event: Event): Step {
  if (event.type === 'timeout' && event.timer === 'look') {
    const { script, effects } = startScript([command('AT+CLCC')]);
    return { state: { ...state, script, listed: false }, effects };
  }
  if (isFree(state)) return { state, effects: [] };
  const step = advance(state.script, event);
  if (step.outcome === 'waiting') return { state, effects: [] };
  const free: Placing = { ...state, script: noScript };
  return step.outcome === 'done' && state.seen && !state.listed ? over(free, 'ended') : toWaiting(free);
}

function toWaiting(state: Placing): Step {
  if (state.answered) return enterSound(state);
  return { state, effects: [{ type: 'set-timer', timer: 'look', ms: LOOK_MS }] };
}

/** The call is answered, and its sound is awaited. */
function switching(state: Placing, event: Event): Step {
  if (event.type === 'timeout' && event.timer === 'health') return enterTalking(state, 'late');
  const step = advance(state.script, event);
  if (step.outcome === 'waiting') return { state, effects: [] };
  if (step.outcome === 'done') return enterTalking(state, undefined);
  const detail = `it answered ${step.result} to ${step.command}, so the call has no sound`;
  return giveUp({ ...state, script: noScript }, { code: 'modem', detail }, { hangUp: true, restart: true });
}

function giveUp(state: Placing, fault: DialFault, how: Departure): Step {
  return leave(state.module, failed(fault), { ...how, inFlight: !isFree(state) });
}

function isFree({ script }: Placing): boolean {
  return script.commands.length === 0;
}
