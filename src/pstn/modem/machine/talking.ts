import { doubtOver, heardInCall, reportedInCall } from '#pstn/modem/machine/ending.ts';
import { ended, stuck, watch } from '#pstn/modem/machine/placing.ts';
import { advance, command, noScript, startScript } from '#pstn/modem/machine/script.ts';
import type { HeldKey, Input, Signalling, Step, Talking } from '#pstn/modem/machine/state.ts';
import {
  enterTalking,
  exitLearnt,
  hangUp,
  hearing,
  leaveCommand,
  leaveStream,
  secondExit,
  streamExit,
  WATCHDOG_MS,
} from '#pstn/modem/machine/transitions.ts';
import { enterTurning } from '#pstn/modem/machine/turning.ts';

/** Modems repeat a held key about every 70 ms; a report after a longer pause is another press. In bytes of sound. */
const KEY_REPEAT = 130 * 8;
const STREAM_END_MS = 1000;
/** Among the digits of +VTS: the loop is interrupted for a moment. */
const FLASH = '!';

/** A call in full duplex. */
export function inTalking(state: Talking, input: Input): Step {
  switch (input.type) {
    case 'hang-up':
      return leaveStream(state.modem, ended('local'));
    case 'signal':
      return leaveToSignal(state, input.digits, input.heard);
    case 'turn':
      return enterTurning(state, input.to);
    case 'timeout':
      if (input.timer === 'doubt') return doubtOver(state, input.quietFor);
      return input.timer === 'watchdog' ? watched(state, input.heard) : { state, effects: [] };
    case 'heard':
      return heardInCall(state, input.what, input.heard);
    case 'code':
      return reportedInCall(state, input.code, input) ?? report(state, input.code, input.heard);
    default:
      return { state, effects: [] };
  }
}

/** DTMF or a flash by +VTS: the sound pauses meanwhile. */
export function inSignalling(state: Signalling, input: Input): Step {
  if (input.type === 'hang-up') {
    return state.stage === 'stream'
      ? leaveStream(state.modem, ended('local'))
      : leaveCommand(state.modem, ended('local'));
  }
  const waited = input.type === 'timeout' && input.timer === 'drain';
  if (state.stage === 'stream' && input.type === 'code' && input.code === '\x03') {
    const modem = state.nudged ? exitLearnt(state.modem) : state.modem;
    return {
      state: { ...state, modem, stage: 'result' },
      effects: [{ type: 'set-timer', timer: 'drain', ms: STREAM_END_MS }],
    };
  }
  if (state.stage === 'stream' && waited && !state.nudged) {
    return {
      state: { ...state, nudged: true },
      effects: [
        { type: 'send', bytes: secondExit(state.modem) },
        { type: 'set-timer', timer: 'drain', ms: STREAM_END_MS },
      ],
    };
  }
  if (state.stage !== 'commands') {
    if (!waited && input.type !== 'line') return { state, effects: [] };
    const list = [...state.digits].join(',');
    const { modem, enter } = hearing(state.modem);
    const { script, effects } = startScript([command(`AT+VTS=${list}`, 10_000), enter]);
    return {
      state: { ...state, modem, stage: 'commands', script },
      effects: [{ type: 'cancel-timer', timer: 'drain' }, { type: 'read-lines' }, ...effects],
    };
  }
  const step = advance(state.script, input);
  if (step.outcome === 'information') return { state, effects: [] };
  if (step.outcome === 'waiting') return { state: { ...state, script: step.script }, effects: step.effects };
  if (step.outcome === 'failed') return leaveCommand(state.modem, ended('modem-lost'));
  const { state: talking, effects } = enterTalking(state.modem, 0, state.watch);
  return { state: talking, effects: [...effects, { type: 'stream' }, { type: 'signalled' }] };
}

function leaveToSignal(state: Talking, digits: string, heard: number): Step {
  const watch = digits === FLASH ? { ...state.watch, flashedAt: heard } : state.watch;
  return {
    state: { phase: 'signalling', modem: state.modem, stage: 'stream', nudged: false, digits, script: noScript, watch },
    effects: [
      { type: 'cancel-timer', timer: 'watchdog' },
      { type: 'cancel-timer', timer: 'doubt' },
      { type: 'send', bytes: streamExit(state.modem) },
      { type: 'set-timer', timer: 'drain', ms: STREAM_END_MS },
    ],
  };
}

function watched(state: Talking, heard: number): Step {
  // A modem that only plays sends no sound.
  const flow = state.modem.way === 'speak' ? { heard, stillFor: 0 } : watch(state.flow, heard);
  if (flow === undefined) return stuck(ended('modem-lost'));
  return { state: { ...state, flow }, effects: [{ type: 'set-timer', timer: 'watchdog', ms: WATCHDOG_MS }] };
}

/** What codes say about stream and keys (ITU-T V.253 table 14). */
function report(state: Talking, code: string, heard: number): Step {
  switch (code) {
    case '\x03':
      // The modem ended the stream by itself, as some do when the loop drops.
      return hangUp(state.modem, ended('loop-drop'));
    case 'u':
      return { state, effects: [{ type: 'count', what: 'underrun' }] };
    case 'o':
      return { state, effects: [{ type: 'count', what: 'overrun' }] };
    case '~':
      return { state: { ...state, key: { digit: undefined, at: heard } }, effects: [] };
    default:
      return /^[0-9*#A-D]$/.test(code) ? pressed(state, code, heard) : { state, effects: [] };
  }
}

function pressed(state: Talking, digit: string, heard: number): Step {
  const repeats = state.modem.profile.dtmf !== 'bare' && heard - state.key.at <= KEY_REPEAT;
  const held = state.key.digit === digit && repeats;
  const key: HeldKey = { digit, at: heard };
  return { state: { ...state, key }, effects: held ? [] : [{ type: 'digit', digit }] };
}
