import type { Command } from 'commander';
import type { ControlDeps } from '#cli/control.ts';
import type { VoiceMailOptions } from '#cli/voicemail.ts';

export interface VoiceMailProgramDeps extends ControlDeps {
  readonly input: NodeJS.ReadStream;
  readonly errors: NodeJS.WriteStream;
}

/** `copperring voicemail ...`: the mailboxes of the running node. */
export function addVoiceMail(program: Command, deps: VoiceMailProgramDeps): void {
  const voicemail = program.command('voicemail').description('mailboxes of the running node');
  const command = (name: string, description: string) =>
    voicemail
      .command(name)
      .description(description)
      .option('-c, --config <file>', 'configuration of the running node, which names its state directory')
      .option('--state <dir>', 'state directory of the running node');
  const ofUser = (name: string, description: string) =>
    command(name, description).requiredOption('--user <user>', 'whose mailbox, name@domain');

  command('list', 'list messages; with --config also while the node is not running')
    .option('--user <user>', 'one mailbox only')
    .option('--json', 'print JSON')
    .action(async (options: VoiceMailOptions) => {
      const { listVoiceMail } = await import('#cli/voicemail.ts');
      await listVoiceMail(deps, options);
    });
  ofUser('export <id> <file>', 'copy a message into a WAV file').action(
    async (id: string, file: string, options: VoiceMailOptions) => {
      const { exportMessage } = await import('#cli/voicemail.ts');
      await exportMessage(deps, { id, file }, options);
    },
  );
  ofUser('delete <id>', 'delete a message').action(async (id: string, options: VoiceMailOptions) => {
    const { deleteMessage } = await import('#cli/voicemail.ts');
    await deleteMessage(deps, id, options);
  });
  ofUser('greeting [file]', 'play this WAV file to callers; without a file the default greeting').action(
    async (file: string | undefined, options: VoiceMailOptions) => {
      const { setGreeting } = await import('#cli/voicemail.ts');
      await setGreeting(deps, file, options);
    },
  );
  ofUser('pin', 'set the PIN, 4 to 12 digits; from --pin-file, COPPERRING_PIN or standard input')
    .option('--pin-file <file>', 'file with the PIN in its first line')
    .action(async (options: VoiceMailOptions & { readonly pinFile?: string }) => {
      const { readPassword } = await import('#cli/password.ts');
      const { setPin } = await import('#cli/voicemail.ts');
      const { environment, input, errors } = deps;
      const sources = { file: options.pinFile, environment, variable: 'COPPERRING_PIN', input, output: errors };
      await setPin(deps, await readPassword(sources, `PIN of ${options.user}: `), options);
    });
}
