import { advance, command, startScript } from '#pstn/modem/machine/script.ts';
import type { Input, MachineOptions, ModemIdentity, State, Step } from '#pstn/modem/machine/state.ts';
import {
  enterIdentifying,
  enterIdle,
  enterInitialising,
  enterOpening,
  enterResynchronising,
  giveUp,
} from '#pstn/modem/machine/transitions.ts';
import { chooseProfile, MAX_ANSWER, type Probe, type ProfileChoice, probes } from '#pstn/modem/profiles/choose.ts';
import { chooseMethod, parseVoiceMethod } from '#pstn/modem/voice-methods.ts';

const MAX_ATTEMPTS = 5;
const PROBE_MS = 1000;
/** Other speeds are not tried: a modem on USB has none, and below 115,200 baud sound in both directions does not fit. */
const UNREADABLE =
  'the modem sends bytes that are no answer: it is stuck in sound or set to another speed; unplug it for a moment';
const MAX_METHODS = 40;
const MAX_DESCRIPTION = 80;

type Phase<Name extends State['phase']> = Extract<State, { readonly phase: Name }>;

/** From an opened port to a modem that is ready for calls. */

export function inClosed(state: Phase<'closed'>, input: Input): Step {
  return input.type === 'timeout' && input.timer === 'open' ? enterOpening(state.attempts) : { state, effects: [] };
}

export function inOpening(state: Phase<'opening'>, input: Input): Step {
  return input.type === 'opened' ? enterResynchronising(1) : { state, effects: [] };
}

export function inResynchronising(state: Phase<'resynchronising'>, input: Input): Step {
  if (state.probe === undefined) {
    if (input.type !== 'timeout' || input.timer !== 'drain') return { state, effects: [] };
    const { script, effects } = startScript([command('ATE0Q0V1', PROBE_MS)]);
    return { state: { ...state, probe: script }, effects: [{ type: 'read-lines' }, ...effects] };
  }
  const step = advance(state.probe, input);
  if (step.outcome === 'done') return enterIdentifying();
  if (step.outcome !== 'failed') return { state, effects: [] };
  if (state.attempt < MAX_ATTEMPTS) return enterResynchronising(state.attempt + 1);
  const noisy = input.type === 'timeout' && input.textBytes > 0;
  return giveUp(
    noisy ? UNREADABLE : 'the modem does not answer: check cable and power, and that no other program uses the device',
    3,
  );
}

export function inIdentifying(state: Phase<'identifying'>, input: Input, options: MachineOptions): Step {
  const step = advance(state.script, input);
  switch (step.outcome) {
    case 'information':
      return { state: { ...state, identity: learn(state.identity, step.command, step.text) }, effects: [] };
    case 'waiting':
      return { state: { ...state, script: step.script }, effects: step.effects };
    case 'failed':
      if (step.result === 'no answer') return giveUp(`the modem did not answer ${step.command}`, 3);
      if (chosen(state.identity, options)?.profile.kind === 'cellular') return choose(state.identity, options);
      return giveUp(`the modem refused ${step.command}: it is no voice modem (ITU-T V.253)`, 6);
    case 'done':
      return choose(state.identity, options);
  }
}

export function inInitialising(state: Phase<'initialising'>, input: Input): Step {
  const step = advance(state.script, input);
  switch (step.outcome) {
    case 'information':
      return { state, effects: [] };
    case 'waiting':
      return { state: { ...state, script: step.script }, effects: step.effects };
    case 'failed':
      return giveUp(`the modem answered ${step.result} to ${step.command}`, 3);
    case 'done':
      return enterIdle(state.modem);
  }
}

function choose(identity: ModemIdentity, options: MachineOptions): Step {
  const description = identity.description === '' ? 'unnamed voice modem' : identity.description;
  const choice = chosen(identity, options);
  if (choice === undefined) return giveUp(`no profile is for ${description}, and none is a fallback`, 6);
  const { profile, why } = choice;
  if (profile.kind === 'cellular') {
    return giveUp(
      `${description} is a cellular module (profile ${profile.name}): name its device for sound in line.audio_device`,
      6,
    );
  }
  const method = chooseMethod(identity.methods, profile, options.linkBytesPerSecond);
  if (method === undefined) {
    const names = identity.methods.map(({ name }) => name).join(', ');
    const wanted = profile.voice.methods.map(({ coding }) => coding).join(', ');
    return giveUp(`${description} offers no ${wanted} at 8000 samples a second, only: ${names || 'nothing'}`, 6);
  }
  const duplex = profile.duplex.mode === 'half' ? 'half' : 'full';
  const modem = { description, profile, firstExit: 0, method, duplex, way: 'hear', lifted: [] } as const;
  const { state, effects } = enterInitialising(modem, options);
  const text = `${description}: profile ${profile.name} (${why}), ${method.coding} as method ${method.number}, ${duplex} duplex`;
  return { state, effects: [{ type: 'log', level: 'info', message: 'voice modem identified', text }, ...effects] };
}

function chosen(identity: ModemIdentity, options: MachineOptions): ProfileChoice | undefined {
  const { forced, profiles } = options;
  return forced ? { profile: forced, why: 'the configuration says so' } : chooseProfile(profiles, identity.answers);
}

function learn(before: ModemIdentity, asked: string, line: string): ModemIdentity {
  const identity = remember(before, asked, line);
  if (asked === 'AT+VSM=?') {
    const method = parseVoiceMethod(line);
    if (method === undefined || identity.methods.length >= MAX_METHODS) return identity;
    return { ...identity, methods: [...identity.methods, method] };
  }
  const names = asked.startsWith('ATI') || asked.startsWith('AT+FM');
  if (!names || line.startsWith('AT') || line === 'RING') return identity;
  const text = line.replace(/^\+FM[IM]: ?/, '').replace(/[^\x20-\x7e]/g, '');
  if (text === '' || identity.description.includes(text)) return identity;
  const description = identity.description === '' ? text : `${identity.description} ${text}`;
  return { ...identity, description: description.slice(0, MAX_DESCRIPTION) };
}

function remember(identity: ModemIdentity, asked: string, line: string): ModemIdentity {
  const probe: Probe | undefined = probes.find(({ command }) => command === asked)?.probe;
  if (probe === undefined) return identity;
  const all = `${identity.answers[probe] ?? ''}${line}\n`.slice(0, MAX_ANSWER);
  return { ...identity, answers: { ...identity.answers, [probe]: all } };
}
