import { utf8 } from '#platform/bytes.ts';
import { Failure } from '#platform/failure.ts';
import type { Random } from '#platform/random.ts';
import { type AccountFault, refusal } from '#reload/enrollment/fault.ts';
import { CONFIGURATION_SIGNER } from '#reload/enrollment/found-overlay.ts';
import { randomNodeIds } from '#reload/enrollment/node-ids.ts';
import {
  hashPassword,
  MAX_PASSWORD_BYTES,
  matchesNothing,
  matchesPassword,
  type PasswordHash,
} from '#reload/enrollment/password.ts';
import { canonicalUserName } from '#reload/enrollment/user-name.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import type { KeyValueNamespace, Transaction } from '#store/key-value-store.ts';

/** The store namespace of accounts, shared by the enrollment server and the command that adds users. */
export const ACCOUNTS_NAMESPACE = 'enrollment-accounts';

const MAX_ACCOUNT_BYTES = 256;

/** Someone who may enroll, and the Node-IDs given out so far. */
export interface Account {
  /** Login name: any UTF-8 text, compared byte for byte (RFC 6940 §11.3). */
  readonly account: string;
  /** The rfc822Name of its certificates. */
  readonly userName: string;
  readonly password: PasswordHash;
  readonly nodeIds: readonly NodeId[];
  /** Whether it is shut: it keeps its name and Node-IDs, and gets no certificate. */
  readonly banned?: boolean;
}

export interface NewAccount {
  readonly account: string;
  readonly password: string;
  /** By default the account name. */
  readonly userName?: string;
}

/** Accounts in a key-value store. Only the operator adds them, so that names of the gateway domain are given out by decision. */
export class Accounts {
  readonly #store: KeyValueNamespace;
  readonly #random: Random;

  constructor(deps: { readonly store: KeyValueNamespace; readonly random: Random }) {
    this.#store = deps.store;
    this.#random = deps.random;
  }

  /** Rejects with `Failure<AccountFault>`; user names are unique in an overlay (RFC 6940 §13.3). */
  async add({ account, password, userName = account }: NewAccount): Promise<Account> {
    const name = canonicalUserName(userName);
    if (name === undefined || account === '' || utf8(account).length > MAX_ACCOUNT_BYTES)
      throw accountFailure(
        'bad-name',
        `${JSON.stringify(userName)} is no user name; one looks like alice@home.example.`,
      );
    if (name.startsWith(`${CONFIGURATION_SIGNER}@`))
      throw accountFailure('reserved-name', `${name} belongs to the signer of configurations. Take another name.`);
    requirePassword(password);
    const added: Account = {
      account,
      userName: name,
      password: await hashPassword(password, this.#random),
      nodeIds: [],
    };
    await this.#store.update((transaction) => {
      if (transaction.get(accountKey(account)) !== undefined || transaction.get(nameKey(name)) !== undefined)
        throw accountFailure('taken', `There is an account ${account} or a user ${name} already.`);
      put(transaction, added);
      transaction.put(nameKey(name), utf8(account));
    });
    return added;
  }

  async setPassword(account: string, password: string): Promise<void> {
    requirePassword(password);
    const hash = await hashPassword(password, this.#random);
    await this.#store.update((transaction) => {
      const known = read(transaction.get(accountKey(account)));
      if (known === undefined) throw accountFailure('unknown-account', `There is no account ${account}.`);
      put(transaction, { ...known, password: hash });
    });
  }

  /** The account, or undefined when account and password don't go together. */
  async authenticate(account: string, password: string): Promise<Account | undefined> {
    const known = utf8(account).length > MAX_ACCOUNT_BYTES ? undefined : read(this.#store.get(accountKey(account)));
    const right =
      known === undefined ? await matchesNothing(password) : await matchesPassword(password, known.password);
    return right ? known : undefined;
  }

  /** The account that stands for a user name. */
  byUserName(userName: string): Account | undefined {
    const account = utf8Text(this.#store.get(nameKey(userName)));
    return account === undefined ? undefined : read(this.#store.get(accountKey(account)));
  }

  /** Shuts an account or opens it again; returns it. Rejects with `Failure<AccountFault>`. */
  setBanned(userName: string, banned: boolean): Promise<Account> {
    return this.#store.update((transaction) => {
      const account = utf8Text(transaction.get(nameKey(userName)));
      const known = account === undefined ? undefined : read(transaction.get(accountKey(account)));
      if (known === undefined) throw accountFailure('unknown-account', `There is no user ${userName}.`);
      const changed = { ...known, banned };
      put(transaction, changed);
      return changed;
    });
  }

  /** Keeps until when certificates of an issuer are about, so that a root is not removed while members depend on it. */
  async noteIssued(account: string, issuer: string, notAfter: number): Promise<void> {
    const key = issuedKey(issuer, account);
    await this.#store.update((transaction) => {
      const latest = Math.max(notAfter, Number(utf8Text(transaction.get(key)) ?? 0));
      transaction.put(key, utf8(String(latest)));
    });
  }

  /** Accounts with certificates of `issuer` (hex SHA-256 of its certificate) that are valid after `time`. */
  issuedBy(issuer: string, time: number): readonly string[] {
    const prefix = issuedKey(issuer, '');
    const keys = [...this.#store.keys(prefix)].filter((key) => Number(utf8Text(this.#store.get(key)) ?? 0) > time);
    return keys.map((key) => Buffer.from(key.slice(prefix.length), 'hex').toString('utf8'));
  }

  /**
   * The first `count` Node-IDs of an account. New ones are drawn as needed and kept, so that whoever comes back gets the same
   * again (RFC 6940 §11.3).
   */
  nodeIdsFor(account: string, count: number): Promise<readonly NodeId[]> {
    return this.#store.update((transaction) => {
      const known = read(transaction.get(accountKey(account)));
      if (known === undefined) throw refusal('failed_authentication', 'The account was removed meanwhile.');
      const drawn = randomNodeIds(this.#random, Math.max(0, count - known.nodeIds.length));
      const nodeIds = [...known.nodeIds, ...drawn];
      if (drawn.length > 0) put(transaction, { ...known, nodeIds });
      return nodeIds.slice(0, count);
    });
  }
}

function requirePassword(password: string): void {
  const length = utf8(password).length;
  if (length === 0 || length > MAX_PASSWORD_BYTES)
    throw accountFailure('bad-password', `A password has 1 to ${MAX_PASSWORD_BYTES} bytes; this one has ${length}.`);
}

/** Hexadecimal, since store keys are text and account names are to be compared as bytes. */
function accountKey(account: string): string {
  return `account/${Buffer.from(account, 'utf8').toString('hex')}`;
}

function issuedKey(issuer: string, account: string): string {
  return `issued/${issuer}/${Buffer.from(account, 'utf8').toString('hex')}`;
}

function nameKey(userName: string): string {
  return `name/${userName}`;
}

function put(transaction: Transaction, account: Account): void {
  transaction.put(accountKey(account.account), utf8(JSON.stringify(account)));
}

function read(bytes: Uint8Array | undefined): Account | undefined {
  // Only `put` writes these.
  return bytes === undefined ? undefined : (JSON.parse(Buffer.from(bytes).toString('utf8')) as Account);
}

function utf8Text(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8');
}

function accountFailure(code: AccountFault['code'], message: string): Failure<AccountFault> {
  return new Failure<AccountFault>({ code }, message);
}
