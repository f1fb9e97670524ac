import { type CallerIdBlock, callerIdOf } from '#pstn/caller-id.ts';
import { ETX_CODE, shieldedCode } from '#pstn/modem/dle.ts';
import { advance, command, noScript, optional, startScript, streaming } from '#pstn/modem/machine/script.ts';
import type { Effect, Input, Modem, Snooping, Step } from '#pstn/modem/machine/state.ts';
import { enterResynchronising } from '#pstn/modem/machine/transitions.ts';

/** The message comes in the pause behind the first ring, or not at all. */
const LISTEN_MS = 4500;
const STREAM_END_MS = 1000;
/** As long as any pause between two rings: without a RING for so long the caller gave up. */
const RING_GAP_MS = 6800;

/** Whether this modem has to be listened to for a caller ID, and can be. */
export function mustSnoop({ profile }: Modem): boolean {
  return profile.caller_id.from === 'sound' && profile.caller_id.snoop !== undefined;
}

/** The first ring of a modem that tells no caller ID: its sound is taken in, on hook, for as long as a message may come. */
export function enterSnooping(modem: Modem, burstsLeft: number): Step {
  const { script, effects } = startScript([command(modem.profile.caller_id.snoop ?? ''), streaming('AT+VRX')]);
  return {
    state: { phase: 'snooping', modem, stage: 'entering', script, block: {}, over: false, burstsLeft },
    effects: [
      { type: 'cancel-timer', timer: 'check' },
      { type: 'status', status: { state: 'ringing', modem: modem.description } },
      { type: 'set-timer', timer: 'caller-id', ms: LISTEN_MS },
      ...effects,
    ],
  };
}

/**
 * Into the stream, out of it again with the message, the second ring or the end of the time, whichever comes first. The ring is told once the modem
 * takes commands again, so that it can be answered at once.
 */
export function inSnooping(state: Snooping, input: Input): Step {
  if (input.type === 'caller-id') return leave({ ...state, block: input.block });
  const waited = input.type === 'timeout' && input.timer === 'caller-id';
  if (isRing(input) && state.burstsLeft > 0) {
    return { state: { ...state, burstsLeft: state.burstsLeft - 1 }, effects: [] };
  }
  if (waited || isRing(input)) return leave(state);
  switch (state.stage) {
    case 'entering':
      return entering(state, input);
    case 'listening':
      return input.type === 'code' && input.code === ETX_CODE ? goOnHook(state) : { state, effects: [] };
    case 'leaving':
      return leaving(state, input);
    case 'commands':
      return onHook(state, input);
  }
}

function isRing(input: Input): boolean {
  return (input.type === 'line' && input.text === 'RING') || (input.type === 'code' && input.code === 'R');
}

function entering(state: Snooping, input: Input): Step {
  const step = advance(state.script, input);
  switch (step.outcome) {
    case 'information':
      return { state, effects: [] };
    case 'waiting':
      return { state: { ...state, script: step.script }, effects: step.effects };
    case 'failed': {
      const refused = `the modem does not let the line be listened to (${step.command}: ${step.result})`;
      const { state: next, effects } = goOnHook(state);
      return { state: next, effects: [{ type: 'log', level: 'warn', message: refused }, ...effects] };
    }
    case 'done': {
      const listening: Snooping = { ...state, stage: 'listening', script: noScript };
      return state.over
        ? leave(listening)
        : { state: listening, effects: [{ type: 'cancel-timer', timer: 'command' }] };
    }
  }
}

/** Out of the stream, or as soon as it is entered. */
function leave(state: Snooping): Step {
  if (state.stage !== 'listening') return { state: { ...state, over: true }, effects: [] };
  return {
    state: { ...state, stage: 'leaving', over: true },
    effects: [
      { type: 'cancel-timer', timer: 'caller-id' },
      { type: 'send', bytes: shieldedCode('!') },
      { type: 'set-timer', timer: 'drain', ms: STREAM_END_MS },
    ],
  };
}

/** `<DLE><ETX>` and OK end the stream; a modem that says neither is given its time. */
function leaving(state: Snooping, input: Input): Step {
  const ended = (input.type === 'line' && input.text === 'OK') || (input.type === 'timeout' && input.timer === 'drain');
  return ended ? goOnHook(state) : { state, effects: [] };
}

function goOnHook(state: Snooping): Step {
  const { script, effects } = startScript([optional('AT+VLS=0')]);
  return {
    state: { ...state, stage: 'commands', script },
    effects: [{ type: 'cancel-timer', timer: 'drain' }, { type: 'read-lines' }, ...effects],
  };
}

function onHook(state: Snooping, input: Input): Step {
  const step = advance(state.script, input);
  if (step.outcome === 'failed') return enterResynchronising(1);
  if (step.outcome !== 'done') {
    const effects = step.outcome === 'waiting' ? step.effects : [];
    return { state: { ...state, script: step.script }, effects };
  }
  return announced(state.modem, state.block);
}

function announced(modem: Modem, block: CallerIdBlock): Step {
  const effects: Effect[] = [
    { type: 'cancel-timer', timer: 'command' },
    { type: 'cancel-timer', timer: 'caller-id' },
    { type: 'set-timer', timer: 'ring-gap', ms: RING_GAP_MS },
    { type: 'ring', callerId: callerIdOf(block) },
  ];
  return { state: { phase: 'ringing', modem, block, announced: true, burstsLeft: 0 }, effects };
}
