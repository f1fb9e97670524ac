import { addCallerIdLine, type CallerIdBlock, callerIdOf, isComplete } from '#pstn/caller-id.ts';
import { countries, firstRing } from '#pstn/countries.ts';
import { isRing } from '#pstn/modem/machine/placing.ts';
import { advance, command, startScript } from '#pstn/modem/machine/script.ts';
import { enterSnooping, mustSnoop } from '#pstn/modem/machine/snooping.ts';
import type { Idle, Input, MachineOptions, Modem, Ringing, Step } from '#pstn/modem/machine/state.ts';
import { noneLifted, telephoneOf, waitingStatus } from '#pstn/modem/machine/telephones.ts';
import { enterAnswering, enterDialling, enterIdle, enterResynchronising } from '#pstn/modem/machine/transitions.ts';

/** After the first ring: caller ID comes in the pause of 2 to 4 s behind it, or not at all. */
const CALLER_ID_MS = 4500;
/** After a number: the name may follow, or the block ends here. */
const NAME_MS = 300;
/** Caller ID without a ring behind it was something else (ETSI EN 300 659-1 sends messages without ringing). */
const RING_AFTER_ID_MS = 10_000;
/** The longest national pause between two rings is 4 s, so without a RING for so long the caller gave up. */
const RING_GAP_MS = 6800;

export function inIdle(state: Idle, input: Input, options: MachineOptions): Step {
  if (isRing(input)) return beginRinging(state, burstsBehindFirst(options));
  if (input.type === 'code') return besides(state, input.code);
  if (input.type === 'line' && state.check === undefined) return heardLine(state, input.text);
  if (input.type === 'dial') {
    if (state.check) return { state: { ...state, dial: input.digits }, effects: [] };
    return enterDialling(state.modem, input.digits, options);
  }
  if (input.type === 'timeout' && input.timer === 'caller-id') return { state: { ...state, block: {} }, effects: [] };
  if (input.type === 'timeout' && input.timer === 'check') {
    const { script, effects } = startScript([command('AT+FCLASS?')]);
    return { state: { ...state, check: script }, effects };
  }
  return state.check ? checking(state, input, options) : { state, effects: [] };
}

export function inRinging(state: Ringing, input: Input): Step {
  if (input.type === 'answer') return enterAnswering(state.modem);
  if (input.type === 'code' && telephoneOf(state.modem, input.code)?.offHook) return answeredElsewhere(state);
  if (isRing(input)) {
    const again: Step = { state, effects: [{ type: 'set-timer', timer: 'ring-gap', ms: RING_GAP_MS }] };
    if (state.announced || state.burstsLeft === 0) return state.announced ? again : announce(state, again);
    return { ...again, state: { ...state, burstsLeft: state.burstsLeft - 1 } };
  }
  if (input.type === 'timeout' && input.timer === 'ring-gap') {
    const { state: idle, effects } = enterIdle(state.modem);
    return { state: idle, effects: [{ type: 'abandoned', why: 'caller-gave-up' }, ...effects] };
  }
  if (state.announced) return { state, effects: [] };
  if (input.type === 'timeout' && input.timer === 'caller-id') return announce(state, { state, effects: [] });
  if (input.type !== 'line') return { state, effects: [] };
  const block = addCallerIdLine(state.block, input.text);
  if (block === undefined) return { state, effects: [] };
  const grown = { ...state, block };
  if (isComplete(block)) return announce(grown, { state: grown, effects: [] });
  const ms = block.number === undefined ? CALLER_ID_MS : NAME_MS;
  return { state: grown, effects: [{ type: 'set-timer', timer: 'caller-id', ms }] };
}

/** A telephone beside the modem was lifted or put down. */
function besides(state: Idle, code: string): Step {
  if (telephoneOf(state.modem, code) === undefined) return { state, effects: [] };
  return { state, effects: [{ type: 'status', status: waitingStatus(state.modem) }] };
}

/** Somebody lifted a telephone while it rang. */
function answeredElsewhere({ modem }: Ringing): Step {
  const { state, effects } = enterIdle(modem);
  return { state, effects: [{ type: 'abandoned', why: 'answered-elsewhere' }, ...effects] };
}

function burstsBehindFirst({ country }: MachineOptions): number {
  return firstRing(countries[country].ringing).bursts - 1;
}

function beginRinging(state: Idle, burstsLeft: number): Step {
  const modem = noneLifted(state.modem);
  if (state.block.number === undefined && mustSnoop(modem)) return enterSnooping(modem, burstsLeft);
  const ringing: Ringing = { phase: 'ringing', modem, block: state.block, announced: false, burstsLeft };
  const begun: Step = {
    state: ringing,
    effects: [
      { type: 'cancel-timer', timer: 'check' },
      { type: 'cancel-timer', timer: 'command' },
      { type: 'status', status: { state: 'ringing', modem: modem.description } },
      { type: 'set-timer', timer: 'ring-gap', ms: RING_GAP_MS },
      { type: 'set-timer', timer: 'caller-id', ms: CALLER_ID_MS },
    ],
  };
  return isComplete(state.block) || state.block.number !== undefined ? announce(ringing, begun) : begun;
}

function announce(state: Ringing, step: Step): Step {
  return {
    state: { ...state, announced: true },
    effects: [
      ...step.effects,
      { type: 'cancel-timer', timer: 'caller-id' },
      { type: 'ring', callerId: callerIdOf(state.block) },
    ],
  };
}

function heardLine(state: Idle, text: string): Step {
  const block: CallerIdBlock | undefined = addCallerIdLine(state.block, text);
  if (block === undefined) return { state, effects: [] };
  return {
    state: { ...state, block },
    effects: [{ type: 'set-timer', timer: 'caller-id', ms: RING_AFTER_ID_MS }],
  };
}

function checking(state: Idle, input: Input, options: MachineOptions): Step {
  if (!state.check) return { state, effects: [] };
  const step = advance(state.check, input);
  if (step.outcome === 'information') {
    const fclass = /^(?:\+FCLASS: ?)?([0-9.]{1,4})$/.exec(step.text)?.[1];
    if (fclass === undefined) return heardLine(state, step.text);
    return fclass === '8' ? { state, effects: [] } : startOver(state, 'the modem lost its settings');
  }
  if (step.outcome === 'waiting') return { state: { ...state, check: step.script }, effects: step.effects };
  // That the question is refused is an answer too.
  const answered = step.outcome === 'done' || step.result !== 'no answer';
  return answered ? checked(state.modem, state, options) : startOver(state, 'the modem no longer answers');
}

function startOver(state: Idle, message: string): Step {
  const { state: next, effects } = enterResynchronising(1);
  const log = { type: 'log', level: 'warn', message } as const;
  if (state.dial === undefined) return { state: next, effects: [log, ...effects] };
  const fault = { code: 'modem', detail: message } as const;
  return { state: next, effects: [log, { type: 'outcome', outcome: { type: 'failed', fault } }, ...effects] };
}

function checked(modem: Modem, state: Idle, options: MachineOptions): Step {
  if (state.dial !== undefined) return enterDialling(modem, state.dial, options);
  const { state: idle, effects } = enterIdle(modem);
  const told = effects.filter((effect) => effect.type !== 'status');
  return { state: idle.phase === 'idle' ? { ...idle, block: state.block } : idle, effects: told };
}
