import { type Command, Option } from 'commander';
import type { PasswordSources } from '#cli/password.ts';
import { systemRandom } from '#platform/random.ts';

export interface PinCommandDeps extends Omit<PasswordSources, 'output'> {
  readonly errors: NodeJS.WritableStream;
  readonly print: (line: string) => void;
}

/** `pin`: prints what the configuration has of a PIN. */
export function addPin(program: Command, deps: PinCommandDeps): void {
  program
    .command('pin')
    .description('hash a PIN for the configuration; it comes from COPPERRING_PASSWORD or standard input')
    .requiredOption('--name <name>', 'what rules of the dial plan call it, as pin:<name>')
    .addOption(
      new Option('--from <who>', 'who may enter it: members that no rule names, or callers from a line')
        .choices(['members', 'line'])
        .makeOptionMandatory(),
    )
    .action(async ({ name, from }: { name: string; from: string }) => {
      const { readPassword } = await import('#cli/password.ts');
      const { hashPin } = await import('#gateway/calls/pin-hash.ts');
      const { environment, input, errors, print } = deps;
      const sources = { environment, input, output: errors };
      const hash = await hashPin(await readPassword(sources, `PIN of ${name}, 6 to 16 digits: `), systemRandom);
      print(
        `[[pins]]\nname = ${JSON.stringify(name)}\nhash = ${JSON.stringify(hash)}\nfrom = [${JSON.stringify(from)}]`,
      );
    });
}
