import { addOverlayUser } from '#cli/overlay-user.ts';
import { readPassword } from '#cli/password.ts';
import { accountsDirectory } from '#gateway/own-overlay.ts';
import type { Random } from '#platform/random.ts';
import { openLmdbStore } from '#store/lmdb-store.ts';

export interface ChangeUserDeps {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly input: NodeJS.ReadStream;
  readonly errors: NodeJS.WriteStream;
  readonly random: Random;
  readonly print: (line: string) => void;
}

export interface ChangeUserOptions {
  /** The overlay's folder. */
  readonly dir: string;
  readonly user: string;
  readonly passwordFile?: string;
  readonly newPassword: boolean;
}

/** `copperring overlay add-user` and `set-password`: opens the accounts of an overlay's folder and changes one. */
export async function changeUser(deps: ChangeUserDeps, options: ChangeUserOptions): Promise<void> {
  const { environment, input, errors, random, print } = deps;
  const { dir, user, newPassword } = options;
  const sources = { file: options.passwordFile, environment, input, output: errors };
  const password = await readPassword(sources, `Password of ${user}: `);
  const store = await openLmdbStore(accountsDirectory(dir));
  try {
    await addOverlayUser({ store, random, print }, { user, password, newPassword });
  } finally {
    await store.close();
  }
}
