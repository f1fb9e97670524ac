import type { Command } from 'commander';
import type { ControlDeps } from '#cli/control.ts';
import type { ScreeningOptions } from '#cli/screening.ts';

/** `copperring screening ...`: who may call the lines of the running node. */
export function addScreening(program: Command, deps: ControlDeps): void {
  const screening = program.command('screening').description('who may call the telephone lines of the running node');
  const command = (name: string, description: string) =>
    screening
      .command(name)
      .description(description)
      .option('-c, --config <file>', 'configuration of the running node, which names its state directory')
      .option('--state <dir>', 'state directory of the running node')
      .option('--json', 'print JSON');
  const CALLER = 'a number (+4930123456), +4990* for the start of numbers, withheld, unavailable, or "name:*lottery*"';

  command('list', 'show both lists').action(async (options: ScreeningOptions) => {
    const { listCallers } = await import('#cli/screening.ts');
    await listCallers(deps, options);
  });
  for (const [name, list, action, description] of [
    ['block', 'block', 'add', 'keep a caller out'],
    ['unblock', 'block', 'remove', 'take a caller off the block list'],
    ['allow', 'allow', 'add', 'let a caller ring, whatever the block list says'],
    ['unallow', 'allow', 'remove', 'take a caller off the allow list'],
  ] as const) {
    const one = command(`${name} <caller>`, `${description}: ${CALLER}`);
    if (action === 'add') one.option('--note <text>', 'kept beside the entry');
    one.action(async (caller: string, options: ScreeningOptions & { readonly note?: string }) => {
      const { changeCaller } = await import('#cli/screening.ts');
      await changeCaller(deps, { action, list, caller, note: options.note }, options);
    });
  }
  command('test <caller>', 'say what would become of a call: from a number, withheld or unavailable')
    .option('--name <name>', 'the name the caller would come with')
    .option('--line <name>', 'the line that would ring; the first one by default')
    .action(async (caller: string, options: ScreeningOptions & { readonly name?: string; readonly line?: string }) => {
      const { testCaller } = await import('#cli/screening.ts');
      await testCaller(deps, caller, options);
    });
  command('forget-passed', 'challenge everybody again who passed the challenge before').action(
    async (options: ScreeningOptions) => {
      const { forgetPassed } = await import('#cli/screening.ts');
      await forgetPassed(deps, options);
    },
  );
}
