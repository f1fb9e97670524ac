import type { Command } from 'commander';
import type { AdminDeps } from '#cli/overlay-admin.ts';
import type { BackupCommandDeps } from '#cli/overlay-backup.ts';

interface Choices {
  readonly dir: string;
  readonly publish?: string;
}

/** The commands that change an overlay which exists: `overlay ban`, `update`, `add-root`, `remove-root`, `renew-signer`, `publish`, `show`. */
export function addOverlayAdministration(overlay: Command, deps: AdminDeps & BackupCommandDeps): void {
  const admin = (name: string, description: string) =>
    overlay
      .command(name)
      .description(description)
      .requiredOption('--dir <dir>', 'folder that `overlay create` made')
      .option('--publish <state>', 'state directory of a running member, which spreads the new document');
  admin('ban', 'revoke a node, or all nodes of a user, who gets no certificate any more either')
    .option('--node <id>', 'Node-ID in hexadecimal')
    .option('--user <user>', 'name@domain')
    .option('--remove', 'lift the ban')
    .action(async (options: Choices) => (await import('#cli/overlay-admin.ts')).banCommand(deps, options));
  admin('update', 'change settings of the document')
    .option('--expires <time>', 'when the document ends, such as 2030-01-01T00:00:00Z, or never')
    .option('--bootstrap <address:port...>', 'peers to join through, in place of those before')
    .option('--max-message-size <bytes>', 'largest message, 5000 to 16777216')
    .action(async (options: Choices) => (await import('#cli/overlay-admin.ts')).updateCommand(deps, options));
  admin(
    'add-root',
    'make a new trust root, which issues from now on; the old one stays trusted until it is removed',
  ).action(async (options: Choices) => (await import('#cli/overlay-admin.ts')).addRootCommand(deps, options));
  admin('remove-root', 'trust an old root no more')
    .requiredOption('--root <fingerprint>', 'its SHA-256 as `overlay show` prints it, or the beginning')
    .option('--force', 'also when members have no other certificate yet')
    .action(async (options: Choices & { root: string }) =>
      (await import('#cli/overlay-admin.ts')).removeRootCommand(deps, options),
    );
  admin('renew-signer', 'make a new signer of configurations and Kinds').action(async (options: Choices) =>
    (await import('#cli/overlay-admin.ts')).renewSignerCommand(deps, options),
  );
  addBackup(overlay, deps);
  overlay
    .command('publish')
    .description('hand the document to a running member, which spreads it')
    .requiredOption('--dir <dir>', 'folder that `overlay create` made')
    .requiredOption('--state <state>', 'state directory of the running member')
    .action(async ({ dir, state }: { dir: string; state: string }) =>
      (await import('#cli/overlay-admin.ts')).publishCommand(deps, { dir, publish: state }),
    );
  overlay
    .command('show')
    .description('show the document in force: roots, signers, bootstrap nodes, banned nodes')
    .requiredOption('--dir <dir>', 'folder that `overlay create` made')
    .option('--json', 'print JSON')
    .action(async (options: { dir: string }) => (await import('#cli/overlay-admin.ts')).showCommand(deps, options));
}

function addBackup(overlay: Command, deps: BackupCommandDeps): void {
  const from = 'the passphrase comes from --passphrase-file, COPPERRING_PASSPHRASE or standard input';
  overlay
    .command('backup')
    .description(`put all of an overlay's folder into one encrypted file; ${from}`)
    .requiredOption('--dir <dir>', 'folder that `overlay create` made')
    .requiredOption('--out <file>', 'file to make')
    .option('--passphrase-file <file>', 'file with the passphrase in its first line')
    .action(async (options: { dir: string; out: string }) =>
      (await import('#cli/overlay-backup.ts')).backupCommand(deps, options),
    );
  overlay
    .command('restore')
    .description(`make the folder again that a backup was made of; ${from}`)
    .requiredOption('--in <file>', 'file that `overlay backup` made')
    .requiredOption('--out <dir>', 'folder to make')
    .option('--passphrase-file <file>', 'file with the passphrase in its first line')
    .action(async (options: { in: string; out: string }) =>
      (await import('#cli/overlay-backup.ts')).restoreCommand(deps, options),
    );
}
