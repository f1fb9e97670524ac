import { utf8 as ascii, concat } from '#platform/bytes.ts';
import type { CountryCode } from '#platform/country-code.ts';
import { countries, longestPause } from '#pstn/countries.ts';
import type { DialFault } from '#pstn/line.ts';
import { ETX_CODE, shieldedCode } from '#pstn/modem/dle.ts';
import { command, noScript, optional, startScript, streaming } from '#pstn/modem/machine/script.ts';
import type { CallWatch, Command, Effect, MachineOptions, Modem, Outcome, Step } from '#pstn/modem/machine/state.ts';
import { waitingStatus } from '#pstn/modem/machine/telephones.ts';
import { probes } from '#pstn/modem/profiles/choose.ts';
import type { VoiceProfile } from '#pstn/modem/profiles/schema.ts';

/** The ways from one phase into another: the new state with what has to be done on entering it. */

const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 5000;
const DRAIN_MS = 250;
const STREAM_END_MS = 1000;
const CHECK_MS = 30_000;
export const WATCHDOG_MS = 1000;
const ESCAPE_GUARD_MS = 1200;
/** Empties the buffer of sound to be played (ITU-T V.253 table 13). */
const CANCEL = '\x18';

/** Every timer but `open`, for phases that begin anew. */
const allTimers = [
  'command',
  'drain',
  'check',
  'caller-id',
  'ring-gap',
  'dial',
  'answer-inferred',
  'doubt',
  'watchdog',
] as const satisfies readonly (Effect & { type: 'cancel-timer' })['timer'][];

const quiet: readonly Effect[] = allTimers.map((timer) => ({ type: 'cancel-timer', timer }));

/** The device is not there: try again later, ever less often up to every 5 s. */
export function enterClosed(reason: string, attempts: number): Step {
  const ms = Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempts, 10), MAX_RETRY_MS);
  return {
    state: { phase: 'closed', attempts: attempts + 1 },
    effects: [
      ...quiet,
      { type: 'status', status: { state: 'absent', reason } },
      { type: 'set-timer', timer: 'open', ms },
    ],
  };
}

export function enterOpening(attempts: number): Step {
  return { state: { phase: 'opening', attempts }, effects: [{ type: 'open' }] };
}

/** The modem is there but of no use: the port is closed, since opening it anew wakes some modems. */
export function giveUp(reason: string, attempts: number): Step {
  const { state, effects } = enterClosed(reason, attempts);
  return { state, effects: [{ type: 'close' }, ...effects] };
}

/**
 * A program that was cut off leaves the modem in any state: playing, recording, in duplex, in the middle of a command.
 * `<DLE><ETX>` ends playing, `<DLE>!` recording, `<DLE>^` duplex, and CR whatever command was half typed. Every third
 * attempt sends the escape sequence of a data connection instead, between its guard times (ITU-T V.250 §6.2.9).
 */
export function enterResynchronising(attempt: number): Step {
  const ofDataCall = attempt % 3 === 0;
  const leaveAnything = concat(shieldedCode(ETX_CODE), shieldedCode('!'), shieldedCode('^'), ascii('\r'));
  return {
    state: { phase: 'resynchronising', attempt, probe: undefined },
    effects: [
      ...quiet,
      { type: 'status', status: { state: 'starting' } },
      { type: 'read-lines' },
      { type: 'send', bytes: ofDataCall ? ascii('+++') : leaveAnything },
      { type: 'set-timer', timer: 'drain', ms: ofDataCall ? ESCAPE_GUARD_MS : DRAIN_MS },
    ],
  };
}

export function enterIdentifying(): Step {
  const { script, effects } = startScript([
    optional('ATZ'),
    command('ATE0Q0V1'),
    ...probes.filter(({ probe }) => probe !== 'vsm').map((asked) => optional(asked.command)),
    command('AT+FCLASS=8'),
    command('AT+VSM=?'),
  ]);
  return { state: { phase: 'identifying', script, identity: { description: '', methods: [], answers: {} } }, effects };
}

export function enterInitialising(modem: Modem, options: MachineOptions): Step {
  const { script, effects } = startScript([
    ...initCommands(modem.profile, options.country, options.silenceSeconds).map(optional),
    ...readyForCalls(modem),
  ]);
  return { state: { phase: 'initialising', script, modem }, effects };
}

/** What a profile sends once, with the country and the line's settings put in. */
export function initCommands(
  profile: VoiceProfile,
  country: CountryCode,
  silenceSeconds: number | undefined,
): readonly string[] {
  const { t35, ringback } = countries[country];
  const { transmit, receive } = profile.gain;
  const values: Readonly<Record<string, string>> = {
    t35,
    // In 0.1 s: ringback that pauses longer than its cadence allows is over, so the far end answered.
    ringback_gone: String(Math.ceil((longestPause(ringback.cadence) + 500) / 100)),
    silence: String((silenceSeconds ?? 0) * 10),
  };
  const gains = [
    ...(transmit?.set === undefined ? [] : [`AT+VGT=${transmit.set}`]),
    ...(receive?.set === undefined ? [] : [`AT+VGR=${receive.set}`]),
  ];
  const { commands, only } = profile.country;
  const calling = profile.caller_id.cleared_by_reset ? [] : profile.caller_id.commands;
  return [...commands, ...(only[country] ?? []), ...profile.init, ...gains, ...calling].map((text) =>
    text.replace(/\{([a-z0-9_]{1,20})\}/g, (whole, name) => values[name] ?? whole),
  );
}

/** What ATZ, ATH and +FCLASS can undo, so it is sent before every wait for calls. */
function readyForCalls({ method, profile }: Pick<Modem, 'method' | 'profile'>): readonly Command[] {
  const { cleared_by_reset: again, commands } = profile.caller_id;
  return [
    command('AT+FCLASS=8'),
    command(`AT+VSM=${method.number},8000`),
    ...(again ? commands.map((text) => optional(text)) : []),
  ];
}

/**
 * Before a call, in case that the modem lost its power since it was last spoken to: it rings all the same, and its port stays where it has
 * a supply of its own. A modem that is gone is noticed here too, before the long wait for a dialled number begins.
 */
function asExpected({ method }: Modem): readonly Command[] {
  return [command('ATE0Q0V1'), command('AT+FCLASS=8'), command(`AT+VSM=${method.number},8000`)];
}

/** The stream that a modem enters to hear a call: both ways where it can. */
export function hearing(modem: Modem): { readonly modem: Modem; readonly enter: Command } {
  return modem.duplex === 'full'
    ? { modem: { ...modem, way: 'both' }, enter: streaming('AT+VTR') }
    : { modem: { ...modem, way: 'hear' }, enter: streaming('AT+VRX') };
}

/**
 * A modem that refuses +VTR goes on by turns, for this call and all that follow. undefined when it is not that which was refused.
 */
export function byTurns(
  modem: Modem,
  refused: string,
  result: string,
): { readonly modem: Modem; readonly effect: Effect } | undefined {
  if (modem.duplex === 'half' || refused !== 'AT+VTR' || result !== 'ERROR') return undefined;
  const message = 'the modem refuses full duplex: calls go by turns, one side speaks at a time';
  return { modem: { ...modem, duplex: 'half' }, effect: { type: 'log', level: 'warn', message } };
}

/** What ends the stream that runs: `<DLE>!` recording, `<DLE><CAN><DLE><ETX>` playing at once, the profile's own code +VTR. */
export function streamExit(modem: Modem): Uint8Array {
  switch (modem.way) {
    case 'hear':
      return shieldedCode('!');
    case 'speak':
      return concat(shieldedCode(CANCEL), shieldedCode(ETX_CODE));
    case 'both':
      return duplexExit(modem.profile, modem.firstExit);
  }
}

/** Some modems document no way out of +VTR and take another code than V.253 has. */
export function secondExit(modem: Modem): Uint8Array {
  return modem.way === 'both' ? duplexExit(modem.profile, 1 - modem.firstExit) : shieldedCode(ETX_CODE);
}

/** The second code worked: from now on it is the first. */
export function exitLearnt(modem: Modem): Modem {
  return modem.way === 'both' ? { ...modem, firstExit: modem.firstExit === 0 ? 1 : 0 } : modem;
}

/** The n-th of the codes that leave +VTR, the last one again where there are fewer. */
function duplexExit({ duplex }: VoiceProfile, n: number): Uint8Array {
  return shieldedCode((duplex.exit[n] ?? duplex.exit.at(-1)) === '^' ? '^' : ETX_CODE);
}

export function enterIdle(modem: Modem): Step {
  return {
    state: { phase: 'idle', modem, block: {}, check: undefined, dial: undefined },
    effects: [
      ...quiet,
      { type: 'status', status: waitingStatus(modem) },
      { type: 'set-timer', timer: 'check', ms: CHECK_MS },
    ],
  };
}

export function enterAnswering(modem: Modem): Step {
  const { modem: listening, enter } = hearing(modem);
  const { script, effects } = startScript([...asExpected(modem), command('AT+VLS=1'), enter]);
  return {
    state: { phase: 'answering', modem: listening, script },
    effects: [...quiet, { type: 'status', status: { state: 'busy', modem: modem.description } }, ...effects],
  };
}

export function enterDialling(modem: Modem, digits: string, options: MachineOptions): Step {
  const isOwn = modem.profile.dialling === 'own' && modem.duplex === 'full';
  const ready = hearing(modem);
  const { script, effects } = startScript([
    ...asExpected(modem),
    ...(isOwn ? [command('AT+VLS=1'), ready.enter] : [command(`ATDT${digits}`, options.dialTimeoutMs)]),
  ]);
  return {
    state: {
      phase: 'dialling',
      modem: isOwn ? ready.modem : modem,
      script,
      answered: false,
      reversed: false,
      own: isOwn ? digits : undefined,
    },
    effects: [
      ...quiet,
      { type: 'status', status: { state: 'dialling', modem: modem.description } },
      { type: 'set-timer', timer: 'dial', ms: options.dialTimeoutMs },
      ...effects,
    ],
  };
}

export function enterTalking(modem: Modem, heard: number, watch: CallWatch): Step {
  return {
    state: { phase: 'talking', modem, flow: { heard, stillFor: 0 }, key: { digit: undefined, at: heard }, watch },
    effects: [
      ...quiet,
      { type: 'status', status: { state: 'busy', modem: modem.description } },
      { type: 'set-timer', timer: 'watchdog', ms: WATCHDOG_MS },
    ],
  };
}

/** Hangs up out of the stream. Its end and the result behind it are awaited before commands. */
export function leaveStream(modem: Modem, outcome: Outcome, stop = false): Step {
  return {
    state: { phase: 'leaving', modem, stage: 'stream', nudged: false, script: noScript, outcome, stop },
    effects: [
      ...quiet,
      { type: 'send', bytes: streamExit(modem) },
      { type: 'set-timer', timer: 'drain', ms: STREAM_END_MS },
    ],
  };
}

/** Hangs up while a command runs, which any character aborts (ITU-T V.250 §5.6.1). */
export function leaveCommand(modem: Modem, outcome: Outcome, stop = false): Step {
  return {
    state: { phase: 'leaving', modem, stage: 'result', nudged: false, script: noScript, outcome, stop },
    effects: [
      ...quiet,
      { type: 'read-lines' },
      { type: 'send', bytes: ascii('\r') },
      { type: 'set-timer', timer: 'drain', ms: STREAM_END_MS },
    ],
  };
}

/** Hangs up from command state. */
export function hangUp(modem: Modem, outcome: Outcome, stop = false): Step {
  const { script, effects } = startScript([optional('AT+VLS=0'), optional('ATH'), ...readyForCalls(modem)]);
  return {
    state: { phase: 'leaving', modem, stage: 'commands', nudged: true, script, outcome, stop },
    effects: [...quiet, { type: 'read-lines' }, ...effects],
  };
}

export function enterStopping(): Step {
  const { script, effects } = startScript([optional('AT+VLS=0'), optional('ATH'), optional('AT+FCLASS=0')]);
  return {
    state: { phase: 'stopping', script },
    effects: [...quiet, { type: 'cancel-timer', timer: 'open' }, { type: 'read-lines' }, ...effects],
  };
}

export function enterStopped(): Step {
  return {
    state: { phase: 'stopped' },
    effects: [
      ...quiet,
      { type: 'cancel-timer', timer: 'open' },
      { type: 'close' },
      { type: 'status', status: { state: 'absent', reason: 'stopped' } },
      { type: 'stopped' },
    ],
  };
}

/** Tells an outcome first, then goes where the modem stands. */
export function after(outcome: Outcome, step: Step): Step {
  return { state: step.state, effects: [{ type: 'outcome', outcome }, ...step.effects] };
}

export function failed(fault: DialFault): Outcome {
  return { type: 'failed', fault };
}
