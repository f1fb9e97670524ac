import { open, readFile, rm } from 'node:fs/promises';
import { readPassword } from '#cli/password.ts';
import { accountsDirectory } from '#gateway/own-overlay.ts';
import type { Random } from '#platform/random.ts';
import { ACCOUNTS_NAMESPACE } from '#reload/enrollment/accounts.ts';
import { backUpOverlay, restoreOverlay, type WithAccounts } from '#reload/enrollment/overlay-backup.ts';
import { openLmdbStore } from '#store/lmdb-store.ts';

export interface BackupCommandDeps {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly input: NodeJS.ReadStream;
  readonly errors: NodeJS.WriteStream;
  readonly random: Random;
  readonly print: (line: string) => void;
}

/** The environment variable a passphrase may come in. */
const PASSPHRASE_VARIABLE = 'COPPERRING_PASSPHRASE';

/** `copperring overlay backup`. */
export async function backupCommand(
  deps: BackupCommandDeps,
  options: { readonly dir: string; readonly out: string; readonly passphraseFile?: string },
): Promise<void> {
  const passphrase = await readPassphrase(deps, options.passphraseFile);
  const archive = await backUpOverlay({ ...deps, withAccounts }, options.dir, passphrase);
  // Never over a file that is there: it may be the only other copy.
  const file = await open(options.out, 'wx', 0o600);
  try {
    await file.writeFile(archive);
    await file.sync();
  } catch (thrown) {
    await rm(options.out, { force: true });
    throw thrown;
  } finally {
    await file.close();
  }
  deps.print(
    `${options.out} holds the overlay of ${options.dir}. Without the passphrase it is worth nothing; keep both, apart.`,
  );
}

/** `copperring overlay restore`. */
export async function restoreCommand(
  deps: BackupCommandDeps,
  options: { readonly in: string; readonly out: string; readonly passphraseFile?: string },
): Promise<void> {
  const passphrase = await readPassphrase(deps, options.passphraseFile);
  const archive = await readFile(options.in);
  const name = await restoreOverlay({ ...deps, withAccounts }, { archive, passphrase, directory: options.out });
  deps.print(`The overlay ${name} is back in ${options.out}.`);
}

const withAccounts: WithAccounts = async (directory, work) => {
  const store = await openLmdbStore(accountsDirectory(directory));
  try {
    return await work(store.namespace(ACCOUNTS_NAMESPACE));
  } finally {
    await store.close();
  }
};

function readPassphrase({ environment, input, errors }: BackupCommandDeps, file: string | undefined): Promise<string> {
  const sources = { file, environment, input, output: errors, variable: PASSPHRASE_VARIABLE };
  return readPassword(sources, 'Passphrase of the archive: ');
}
