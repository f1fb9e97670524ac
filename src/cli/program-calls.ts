import type { Command } from 'commander';
import type { CallsOptions } from '#cli/calls.ts';
import type { ControlDeps, ControlOptions } from '#cli/control.ts';

/** `copperring calls` and `copperring calls delete`: what became of calls over the lines. */
export function addCalls(program: Command, deps: ControlDeps): void {
  const calls = program
    .command('calls')
    .description('list calls over the lines, the newest first; also while the node is not running')
    .option('-c, --config <file>', 'configuration of the node, which names its state directory')
    .option('--state <dir>', 'state directory of the node')
    .option('--json', 'print JSON, one call a line')
    .option('--csv', 'print comma-separated values (RFC 4180), times in UTC')
    .option('--count <n>', 'how many at most, 1 to 1000', '20')
    .option('--all', 'all of them')
    .option('--since <time>', 'from then on: 2026-11-23 or 2026-11-23T18:00, in local time')
    .option('--until <time>', 'before then')
    .option('--direction <way>', 'in (from the line) or out (to the line)')
    .option('--missed', 'calls that nobody took: missed and voice-mail')
    .option(
      '--outcome <names>',
      'answered, missed, busy, refused, blocked, voice-mail, fax, failed; several with commas',
    )
    .option('--caller <part>', 'a part of the caller: number, user or name')
    .option('--callee <part>', 'a part of who was called')
    .option('--line <name>', 'one line only')
    .action(async (options: CallsOptions) => {
      const { callsCommand } = await import('#cli/calls.ts');
      await callsCommand(deps, options);
    });
  calls
    .command('delete')
    .description('delete call records of the running node for good')
    .option('--older-than <days>', 'calls that began longer ago')
    .option('--all', 'every call; budgets of callers are counted by what is kept, and go with it')
    .requiredOption('--yes', 'confirms it')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<ControlOptions & { olderThan?: string; all?: boolean }>();
      const { deleteCallsCommand } = await import('#cli/calls.ts');
      await deleteCallsCommand(deps, options);
    });
}
