import type { Config } from '#config/schema.ts';
import { printHostPort } from '#config/values.ts';
import { accountsDirectory } from '#gateway/own-overlay.ts';
import type { Clock } from '#platform/clock.ts';
import type { Logger } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import { ACCOUNTS_NAMESPACE, Accounts } from '#reload/enrollment/accounts.ts';
import { EnrollmentAuthority } from '#reload/enrollment/enrollment-authority.ts';
import { EnrollmentServer } from '#reload/enrollment/enrollment-server.ts';
import { FollowedAuthority } from '#reload/enrollment/followed-authority.ts';
import type { KeyValueStore } from '#store/key-value-store.ts';
import { openLmdbStore } from '#store/lmdb-store.ts';

/** The configuration and enrollment server of an overlay (RFC 6940 §11.2, §11.3). */
export class EnrollmentSide {
  readonly #deps: { readonly clock: Clock; readonly random: Random; readonly log: Logger };
  #server: EnrollmentServer | undefined;
  #store: KeyValueStore | undefined;
  #overlay: string | undefined;
  #address: string | undefined;

  constructor(deps: { readonly clock: Clock; readonly random: Random; readonly log: Logger }) {
    this.#deps = deps;
  }

  /** `host:port`, once it listens. */
  get address(): string | undefined {
    return this.#address;
  }

  get overlay(): string | undefined {
    return this.#overlay;
  }

  async start({ listen, directory = '', validity_days: validityDays }: Config['enrollment']): Promise<void> {
    const { clock, random, log } = this.#deps;
    const followed = await FollowedAuthority.open(directory, log);
    const { overlayName, configuration } = followed;
    this.#overlay = overlayName;
    const store = await openLmdbStore(accountsDirectory(directory));
    this.#store = store;
    const accounts = new Accounts({ store: store.namespace(ACCOUNTS_NAMESPACE), random });
    const issuing = {
      clock,
      accounts,
      configuration,
      get issuer() {
        return followed.issuer;
      },
    };
    const authority = new EnrollmentAuthority(issuing, { overlayName, validityDays });
    this.#server = new EnrollmentServer(
      { clock, log, authority, configuration, follow: () => followed.refresh() },
      followed.server,
    );
    this.#address = printHostPort(await this.#server.listen(listen));
  }

  async stop(): Promise<void> {
    await this.#server?.close();
    await this.#store?.close();
  }
}
