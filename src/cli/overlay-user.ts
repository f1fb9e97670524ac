import type { Random } from '#platform/random.ts';
import { ACCOUNTS_NAMESPACE, Accounts } from '#reload/enrollment/accounts.ts';
import type { KeyValueStore } from '#store/key-value-store.ts';

export interface OverlayUserOptions {
  /** The user name, such as alice@home.example; it is the login name too. */
  readonly user: string;
  readonly password: string;
  /** Gives an account that exists a new password instead of making one. */
  readonly newPassword?: boolean;
}

export interface OverlayUserDeps {
  /** The enrollment server's store; a server that runs sees the change at once. */
  readonly store: KeyValueStore;
  readonly random: Random;
  readonly print: (line: string) => void;
}

/** `copperring overlay add-user`. Rejects with `Failure<AccountFault>`. */
export async function addOverlayUser(deps: OverlayUserDeps, options: OverlayUserOptions): Promise<void> {
  const accounts = new Accounts({ store: deps.store.namespace(ACCOUNTS_NAMESPACE), random: deps.random });
  if (options.newPassword === true) {
    await accounts.setPassword(options.user, options.password);
    deps.print(`${options.user} has a new password. Certificates issued before stay valid.`);
    return;
  }
  const { userName } = await accounts.add({ account: options.user, password: options.password });
  deps.print(`${userName} may enroll.`);
}
