import { advance, command, NO_ANSWER, startScript } from '#pstn/cellular/script.ts';
import type { Event, Identifying, Initialising, MachineOptions, State, Step } from '#pstn/cellular/state.ts';
import {
  enterClosed,
  enterIdentifying,
  enterIdle,
  enterInitialising,
  enterOpening,
  enterResynchronising,
} from '#pstn/cellular/transitions.ts';
import { chooseProfile, MAX_ANSWER } from '#pstn/modem/profiles/choose.ts';

const MAX_ATTEMPTS = 5;
const MAX_DESCRIPTION = 80;
const PROBE_MS = 1000;

type Phase<Name extends State['phase']> = Extract<State, { readonly phase: Name }>;

/** From opened devices to a module that is ready for calls. */

export function inClosed(state: Phase<'closed'>, event: Event): Step {
  return event.type === 'timeout' && event.timer === 'open' ? enterOpening(state.attempts) : { state, effects: [] };
}

export function inOpening(state: Phase<'opening'>, event: Event): Step {
  return event.type === 'opened' ? enterResynchronising(1) : { state, effects: [] };
}

export function inResynchronising(state: Phase<'resynchronising'>, event: Event): Step {
  if (state.script === undefined) {
    if (event.type !== 'timeout' || event.timer !== 'drain') return { state, effects: [] };
    const { script, effects } = startScript([command('ATE0Q0V1', PROBE_MS)]);
    return { state: { ...state, script }, effects };
  }
  const step = advance(state.script, event);
  if (step.outcome === 'done') return enterIdentifying();
  if (step.outcome === 'waiting') return { state, effects: [] };
  if (state.attempt < MAX_ATTEMPTS) return enterResynchronising(state.attempt + 1);
  return enterClosed(
    'the module does not answer: check cable and power, and that line.device is the port that takes AT commands',
    3,
  );
}

export function inIdentifying(state: Identifying, event: Event, options: MachineOptions): Step {
  if (event.type === 'said' && event.said.type === 'text') return { state: remember(state, event.line), effects: [] };
  const step = advance(state.script, event);
  if (step.outcome === 'done') return choose(state, options);
  if (step.outcome === 'failed') return enterClosed(`the module did not answer ${step.command}: ${step.result}`, 3);
  const asked = step.effects.length > 0 ? 'fmm' : state.asked;
  return { state: { ...state, script: step.script, asked }, effects: step.effects };
}

function remember(state: Identifying, line: string): Identifying {
  const { asked, answers } = state;
  const all = `${answers[asked] ?? ''}${line}\n`.slice(0, MAX_ANSWER);
  return { ...state, answers: { ...answers, [asked]: all } };
}

function choose({ answers }: Identifying, { forced, profiles }: MachineOptions): Step {
  const choice = forced ? { profile: forced, why: 'the configuration says so' } : chooseProfile(profiles, answers);
  const description = describe(answers.ati ?? '', answers.fmm ?? '');
  if (choice?.profile.kind !== 'cellular') {
    const advice = 'take audio_device out if it is a voice modem, or name a profile';
    return enterClosed(`${description} is no cellular module that a profile knows: ${advice}`, 6);
  }
  const { profile, why } = choice;
  const { state, effects } = enterInitialising({ description, profile, isIn: false, signalDbm: undefined });
  const text = `${description}: profile ${profile.name} (${why})`;
  return { state, effects: [{ type: 'log', level: 'info', message: 'cellular module identified', text }, ...effects] };
}

/** Maker and model, without serial numbers. */
function describe(ati: string, model: string): string {
  const lines = `${ati}${model}`
    .split('\n')
    .map((line) => line.replace(/[^\x20-\x7e]/g, '').replace(/^(?:Manufacturer|Model|Revision): */, ''))
    .filter((line) => line !== '' && !/^AT|^\+|IMEI|IMSI|ICCID|\d{8}/.test(line));
  const unlike = lines.filter((line, i) => !lines.slice(0, i).some((before) => before.includes(line)));
  return unlike.join(' ').slice(0, MAX_DESCRIPTION) || 'unnamed cellular module';
}

export function inInitialising(state: Initialising, event: Event): Step {
  if (event.type === 'said') {
    const { said } = event;
    if (said.type === 'card') return { state: { ...state, card: said.state }, effects: [] };
    if (said.type === 'listed' && said.progress !== 'incoming') {
      return { state: { ...state, leftover: true }, effects: [] };
    }
    // Without a card, and with some of its faults, the question itself is refused.
    const asking = state.script.commands[0]?.text === 'AT+CPIN?';
    if (asking && said.type === 'result' && !said.ok) state = { ...state, card: said.text };
  }
  const step = advance(state.script, event);
  if (step.outcome === 'waiting') return { state: { ...state, script: step.script }, effects: step.effects };
  if (step.outcome === 'failed' && step.result === NO_ANSWER) {
    return enterClosed(`the module did not answer ${step.command}`, 3);
  }
  if (state.card !== undefined && state.card !== 'READY') return enterClosed(cardAdvice(state.card), 6);
  if (!state.leftover) return enterIdle(state.module);
  const { script, effects } = startScript([command(state.module.profile.call.hang_up)]);
  return { state: { ...state, script, leftover: false }, effects };
}

/** 3GPP TS 27.007 §8.3 and §9.2: what +CPIN? says and with which numbers it is refused. */
function cardAdvice(card: string): string {
  if (card === 'SIM PIN' || /ERROR: 11$/.test(card)) {
    return 'the SIM card wants its PIN: put the card into a telephone and switch the PIN off';
  }
  if (/PUK|ERROR: 12$/.test(card)) return 'the SIM card is locked: put it into a telephone and unlock it with the PUK';
  if (/ERROR: 10$|NOT INSERTED/.test(card)) return 'there is no SIM card in the module';
  return `the SIM card is not ready (${card})`;
}
