import type { Readable, Writable } from 'node:stream';
import type { Clock } from '#platform/clock.ts';
import { countryCodes } from '#platform/country-code.ts';
import { Failure } from '#platform/failure.ts';
import { cellularNames } from '#pstn/emulator/cellular/module.ts';
import { runLineProcess } from '#pstn/emulator/line-process.ts';
import { voiceModemNames } from '#pstn/emulator/personalities/table.ts';

/** As they stand on the command line. */
export interface LineEmulatorCommandOptions {
  /** ISO 3166 code; decides tones, ringing and caller ID. US by default. */
  readonly country?: string | undefined;
  /** A symbolic link to the device, under a name that stays. */
  readonly link?: string | undefined;
  /** How much the modem's sample clock differs from the host's, -1000 to 1000 parts per million. */
  readonly skewPpm?: string | undefined;
  /** Every 3 s the modem stands still for so many ms, then catches up; 0 to 2000. */
  readonly stallMs?: string | undefined;
  /** Which modem it is: `v253` (the default), `conexant-cx930xx`, `usr-5637`, `rockwell`, `half-duplex`, `sim7600`, `ec25`. */
  readonly modem?: string | undefined;
  /** What ATD answers: `answer` (VCON once the far end answered) or `dialled` (OK at once); the modem's own way by default. */
  readonly dialResult?: string | undefined;
  /** What leaves full duplex: `^` or `etx`; the modem's own way by default. */
  readonly duplexExit?: string | undefined;
}

export interface LineEmulatorCommandDeps {
  readonly clock: Clock;
  readonly input: Readable;
  readonly output: Writable;
}

interface LineEmulatorOptionFault {
  readonly code: 'bad-option';
  readonly option: string;
}

/**
 * `copperring line-emulator`: a voice modem on a pty with a telephone exchange behind it. Prints
 * `{"event":"ready","path":"/dev/pts/3","at":...}`, then what happens as JSON lines; takes commands to the exchange as JSON lines
 * (`src/pstn/emulator/protocol.ts` lists both). Ends when standard input does. Any number answers after 1.5 s with a
 * tone; 1170 rings the line back 3 s after it was called; 5550000 is busy; 5550001 is never answered.
 * Rejects with `Failure<LineEmulatorOptionFault>` when an option is wrong.
 */
export async function lineEmulatorCommand(
  deps: LineEmulatorCommandDeps,
  options: LineEmulatorCommandOptions = {},
): Promise<void> {
  await runLineProcess(deps, {
    country: oneOf('--country', options.country ?? 'US', countryCodes),
    link: options.link,
    skewPpm: numberWithin('--skew-ppm', options.skewPpm ?? '0', [-1000, 1000]),
    stallMs: numberWithin('--stall-ms', options.stallMs ?? '0', [0, 2000]),
    modem: oneOf('--modem', options.modem ?? 'v253', [...voiceModemNames, ...cellularNames]),
    ...overrides(options),
  });
}

function overrides({ dialResult, duplexExit }: LineEmulatorCommandOptions) {
  return {
    ...(dialResult === undefined
      ? {}
      : { dialResultAtOnce: oneOf('--dial-result', dialResult, ['answer', 'dialled']) === 'dialled' }),
    ...(duplexExit === undefined ? {} : { duplexExit: oneOf('--duplex-exit', duplexExit, ['^', 'etx']) }),
  };
}

function oneOf<const Choice extends string>(option: string, value: string, choices: readonly Choice[]): Choice {
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw badOption(option, `is one of ${choices.join(', ')}`);
  return choice;
}

function numberWithin(option: string, value: string, [least, most]: readonly [number, number]): number {
  const number = value.trim() === '' ? Number.NaN : Number(value);
  if (!(number >= least && number <= most)) throw badOption(option, `is a number from ${least} to ${most}`);
  return number;
}

function badOption(option: string, wanted: string): Failure<LineEmulatorOptionFault> {
  return new Failure<LineEmulatorOptionFault>({ code: 'bad-option', option }, `${option} ${wanted}.`);
}
