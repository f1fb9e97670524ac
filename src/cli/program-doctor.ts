import type { Command } from 'commander';
import { systemClock } from '#platform/clock.ts';

export interface DoctorProgramDeps {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly program: string;
  readonly print: (line: string) => void;
  readonly progress: (line: string) => void;
}

export function addDoctor(program: Command, deps: DoctorProgramDeps, fail: () => void): void {
  program
    .command('doctor')
    .description(
      'examine what this node depends on, and say what is wrong and what to do; status 1 when it cannot be used',
    )
    .option(
      '--line',
      'the modem and the telephone line behind it: goes off hook and listens for some seconds, dials nothing',
    )
    .option('-c, --config <file>', 'configuration with the line; /etc/copperring/copperring.toml where it exists')
    .option('--name <line>', 'which line of the configuration; the first by default')
    .option('--device <path>', 'examine this serial device')
    .option('--country <code>', 'whose tones to expect; that of the configuration by default')
    .option('--profile <name>', 'take this modem profile, whatever the modem says')
    .option('--record <file>', 'append everything said to the modem and by it to this file, numbers masked')
    .option('--call <number>', 'call this number too, listen for 5 s and hang up; costs what a call costs')
    .option('--unmasked', 'leave telephone and serial numbers in report and transcript')
    .option('--json', 'print JSON')
    .action(async (options: object) => {
      const { doctorCommand } = await import('#cli/doctor.ts');
      if (!(await doctorCommand({ ...deps, clock: systemClock }, options))) fail();
    });
}
