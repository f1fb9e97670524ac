import { faultOfCause } from '#pstn/cellular/causes.ts';
import { advance, optional, startScript } from '#pstn/cellular/script.ts';
import type { Event, Leaving, State, Step } from '#pstn/cellular/state.ts';
import {
  after,
  enterClosed,
  enterIdle,
  enterRestarting,
  enterResynchronising,
  enterStopped,
  failed,
} from '#pstn/cellular/transitions.ts';

/** Out of a call: hanging up, sound off, and a look whether the call is gone. */
export function inLeaving(state: Leaving, event: Event): Step {
  if (event.type === 'stop') return { state: { ...state, stop: true }, effects: [] };
  if (event.type === 'said') {
    const { said } = event;
    if (said.type === 'cause' && state.askCause) {
      return { state: { ...state, outcome: failed(faultOfCause(said.text)) }, effects: [] };
    }
    // Rows may also come of a look that was under way before.
    const asked = state.script.commands[0]?.text === 'AT+CLCC';
    const ours = said.type === 'listed' && said.progress !== 'waiting' && said.progress !== 'incoming';
    if (asked && ours) return { state: { ...state, listed: true }, effects: [] };
  }
  const step = advance(state.script, event);
  if (step.outcome === 'waiting') return { state: { ...state, script: step.script }, effects: step.effects };
  if (step.outcome === 'failed') return gone(state, enterResynchronising(1));
  if (!state.listed) return gone(state, state.restart ? enterRestarting(state.module) : enterIdle(state.module, true));
  // It goes on: hung up in the other way, and whatever the module makes of it, it is restarted.
  const { script, effects } = startScript([optional('ATH')]);
  return { state: { ...state, script, listed: false, restart: true }, effects };
}

function gone(state: Leaving, next: Step): Step {
  return after(state.outcome, state.stop ? enterStopped() : next);
}

/** The module goes away and comes back by itself. */
export function inRestarting(state: Extract<State, { readonly phase: 'restarting' }>, event: Event): Step {
  if (event.type !== 'timeout' || event.timer !== 'restart') return { state, effects: [] };
  return enterClosed('the module did not restart', 0);
}
