import { initialState, step } from '#pstn/cellular/machine.ts';
import { understand } from '#pstn/cellular/says.ts';
import type { Input, MachineOptions, State, TimerName } from '#pstn/cellular/state.ts';
import { builtInProfiles } from '#pstn/modem/profiles/built-in.ts';
import { maskAnswer, maskCommand } from '#pstn/transcript/mask.ts';
import type { Dice } from '../dice.ts';
import { BrokenPromise, type Target, textTarget } from '../target.ts';

const LINES = [
  'OK',
  'ERROR',
  '+CME ERROR: 10',
  'RING',
  '+CRING: VOICE',
  '+CLIP: "+49301234",145,,,"ALICE",0',
  '+CLIP: "",128,,,,1',
  '+CLIP: 0,1',
  '+CLCC: 1,0,0,0,0,"5551234",129',
  '+CLCC: 1,1,4,0,0,"5551234",129',
  '+CLCC: 2,1,5,0,0,"5559876",129',
  '^DSCI: 1,0,7,0,5551234,129,0',
  '^DSCI: 1,0,3,0,5551234,129,0',
  '^DSCI: 1,0,6,0,5551234,129,0',
  'VOICE CALL: BEGIN',
  'VOICE CALL: END: 000004',
  'MISSED_CALL: 10:23AM 5551234',
  'BUSY',
  'NO ANSWER',
  'NO CARRIER',
  '+RXDTMF: 5',
  '+QTONEDET: 56',
  '+CCWA: "+15559876",145,1,,0',
  '+CREG: 0,1',
  '+CREG: 2',
  '+CSQ: 21,99',
  '+CPIN: SIM PIN',
  '+CEER: User busy',
  'Quectel',
  'EC25',
  'SIMCOM_SIM7600E-H',
];
const TIMERS: readonly TimerName[] = [
  'open',
  'command',
  'drain',
  'poll',
  'caller-id',
  'ring-gap',
  'dial',
  'look',
  'health',
  'watchdog',
  'restart',
];
const OTHERS = [
  'start',
  'stop',
  'opened',
  'lost x',
  'dial 5551234',
  'answer',
  'press 12#',
  'stalled',
  'silence',
  'hang-up',
];
const MAX_EFFECTS = 64;
const MAX_STATE = 16_384;
const OPTIONS: MachineOptions = { dialTimeoutMs: 60_000, profiles: builtInProfiles, forced: undefined };

/** What a cellular module says, and what its driver makes of it. */
export function cellularTargets(): readonly Target[] {
  return [lines(), machine()];
}

function lines(): Target {
  return textTarget('pstn cellular lines', {
    maxInput: 16_384,
    words: [...LINES, '"', ',', ':', ',,,,', '145'],
    sample: (dice) => dice.pick(LINES),
    run: (text) => [
      understand(text, { report: '+RXDTMF', as: 'key' }),
      understand(text, { report: '+QTONEDET', as: 'code' }),
      // A transcript cuts lines first.
      maskAnswer(text.slice(0, 256)),
      maskCommand(text.slice(0, 256)),
    ],
  });
}

/** One input of the machine a line: its type and what belongs to it. */
function machine(): Target {
  return textTarget('pstn cellular machine', {
    maxInput: 16_384,
    words: [...LINES.map((line) => `line ${line}\n`), ...TIMERS.map((timer) => `timeout ${timer}\n`), ...OTHERS],
    sample: conversation,
    run(text) {
      let state: State = initialState;
      for (const [at, line] of text.split('\n').entries()) {
        const input = inputOf(line, at);
        if (input === undefined) continue;
        const next = step(state, input, OPTIONS);
        if (next.effects.length > MAX_EFFECTS) throw new BrokenPromise(`${line} has ${next.effects.length} effects`);
        state = next.state;
      }
      if (JSON.stringify(state).length > MAX_STATE) {
        throw new BrokenPromise('the state of the module grows without bound');
      }
      return state;
    },
  });
}

/** Mostly what a working module and its owner would do next, so that calls come about. */
function conversation(dice: Dice): string {
  let state: State = initialState;
  const said: string[] = [];
  for (let at = 0, end = 20 + dice.below(120); at < end; at++) {
    const line = dice.oneIn(10) ? anyLine(dice) : likelyLine(state, dice);
    const input = inputOf(line, at);
    said.push(line);
    if (input !== undefined) state = step(state, input, OPTIONS).state;
  }
  return said.join('\n');
}

function likelyLine(state: State, dice: Dice): string {
  switch (state.phase) {
    case 'stopped':
      return 'start';
    case 'closed':
      return 'timeout open';
    case 'opening':
      return 'opened';
    case 'resynchronising':
      return state.script === undefined ? 'timeout drain' : 'line OK';
    case 'identifying':
      return dice.pick(['line OK', 'line EC25', 'line SIMCOM_SIM7600E-H']);
    case 'initialising':
      return dice.pick(['line OK', 'line OK', 'line OK', 'line +CREG: 0,1', 'line +CPIN: READY']);
    case 'idle':
      return dice.pick(['dial 5551234', 'line RING', 'timeout poll', 'line OK']);
    case 'ringing':
      return dice.pick(['answer', 'line RING', `line ${LINES[5]}`, 'timeout ring-gap', 'line NO CARRIER']);
    case 'placing':
      return dice.pick([
        'line OK',
        'line OK',
        'line VOICE CALL: BEGIN',
        `line ${LINES[8]}`,
        'timeout look',
        'line BUSY',
      ]);
    case 'talking':
      return dice.pick([
        'press 12#',
        'line OK',
        `line ${LINES[8]}`,
        'timeout look',
        'timeout watchdog',
        'line +RXDTMF: 5',
      ]);
    case 'restarting':
      return 'lost x';
    default:
      return dice.pick(['line OK', 'line OK', 'timeout command']);
  }
}

function anyLine(dice: Dice): string {
  const kind = dice.below(3);
  if (kind === 0) return `line ${dice.pick(LINES)}`;
  return kind === 1 ? `timeout ${dice.pick(TIMERS)}` : dice.pick(OTHERS);
}

function inputOf(line: string, at: number): Input | undefined {
  const space = line.indexOf(' ');
  const type = space < 0 ? line : line.slice(0, space);
  const rest = space < 0 ? '' : line.slice(space + 1);
  switch (type) {
    case 'start':
    case 'stop':
    case 'opened':
    case 'answer':
    case 'stalled':
    case 'silence':
    case 'hang-up':
      return { type };
    case 'lost':
      return { type, reason: rest };
    case 'line':
      return { type, text: rest };
    case 'dial':
      return { type, digits: rest.slice(0, 32) };
    case 'press':
      return { type, keys: rest.slice(0, 64) };
    case 'timeout': {
      const timer = TIMERS.find((name) => name === rest);
      return timer && { type, timer, heard: at * 4000 };
    }
    default:
      return undefined;
  }
}
