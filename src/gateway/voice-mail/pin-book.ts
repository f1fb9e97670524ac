import { utf8 } from '#platform/bytes.ts';
import type { Clock } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { Random } from '#platform/random.ts';
import { hashPassword, matchesPassword, type PasswordHash } from '#reload/enrollment/password.ts';
import type { KeyValueNamespace } from '#store/key-value-store.ts';

interface PinFault {
  readonly code: 'bad-pin';
}

export type PinVerdict = 'right' | 'wrong' | 'locked';

/** Wrong PINs in a row before a mailbox is locked, from wherever they come. */
const MAX_ATTEMPTS = 5;
/** The first lock; each further one is twice as long. */
const FIRST_LOCK_MS = 5 * 60_000;
const LONGEST_LOCK_MS = 24 * 3_600_000;

interface Attempts {
  readonly wrong: number;
  readonly lockedUntil: number;
}

const NONE: Attempts = { wrong: 0, lockedUntil: 0 };

/**
 * The PINs of mailboxes, hashed. Wrong ones lock a mailbox, across restarts too. One attempt at a time is looked at, so
 * that many calls at once guess no faster than one.
 */
export class PinBook {
  readonly #deps: { readonly clock: Clock; readonly random: Random; readonly records: KeyValueNamespace };
  /** PINs of the configuration by user, for those who have set none. */
  readonly #initial: ReadonlyMap<string, string>;
  #work: Promise<unknown> = Promise.resolve();

  constructor(
    deps: { readonly clock: Clock; readonly random: Random; readonly records: KeyValueNamespace },
    initial: ReadonlyMap<string, string>,
  ) {
    this.#deps = deps;
    this.#initial = initial;
  }

  /** Whether the mailbox can be entered by a PIN at all. */
  hasPin(user: string): boolean {
    return this.#stored(user) !== undefined || this.#initial.has(user);
  }

  check(user: string, pin: string): Promise<PinVerdict> {
    const verdict = this.#work.then(() => this.#check(user, pin));
    this.#work = verdict.catch(() => {});
    return verdict;
  }

  /** Four to twelve digits. The lock ends. Rejects with `Failure<PinFault>`. */
  async set(user: string, pin: string): Promise<void> {
    if (!/^\d{4,12}$/.test(pin)) {
      throw new Failure<PinFault>({ code: 'bad-pin' }, 'a PIN has 4 to 12 digits');
    }
    const hash = await hashPassword(pin, this.#deps.random);
    await this.#deps.records.update((transaction) => {
      transaction.put(`pin/${user}`, utf8(JSON.stringify(hash)));
      transaction.remove(`attempts/${user}`);
    });
  }

  async #check(user: string, pin: string): Promise<PinVerdict> {
    const now = this.#deps.clock.now();
    const attempts = this.#attempts(user);
    if (attempts.lockedUntil > now) return 'locked';
    // Counted before the comparison: an end of the process in between gives no attempt for nothing.
    await this.#note(user, afterWrong(attempts, now));
    if (!(await this.#matches(user, pin))) return this.#attempts(user).lockedUntil > now ? 'locked' : 'wrong';
    await this.#note(user, undefined);
    return 'right';
  }

  async #matches(user: string, pin: string): Promise<boolean> {
    const stored = this.#stored(user) ?? (await this.#hashInitial(user));
    return stored !== undefined && (await matchesPassword(pin, stored));
  }

  #stored(user: string): PasswordHash | undefined {
    return this.#read(`pin/${user}`);
  }

  async #hashInitial(user: string): Promise<PasswordHash | undefined> {
    const pin = this.#initial.get(user);
    return pin === undefined ? undefined : hashPassword(pin, this.#deps.random);
  }

  #attempts(user: string): Attempts {
    return this.#read<Attempts>(`attempts/${user}`) ?? NONE;
  }

  #note(user: string, attempts: Attempts | undefined): Promise<void> {
    const key = `attempts/${user}`;
    return this.#deps.records.update((transaction) => {
      if (attempts === undefined) transaction.remove(key);
      else transaction.put(key, utf8(JSON.stringify(attempts)));
    });
  }

  #read<T>(key: string): T | undefined {
    const bytes = this.#deps.records.get(key);
    return bytes === undefined ? undefined : JSON.parse(new TextDecoder().decode(bytes));
  }
}

/** The count goes on through locks, so that each further one is longer, until the right PIN comes. */
function afterWrong({ wrong }: Attempts, now: number): Attempts {
  const count = wrong + 1;
  if (count % MAX_ATTEMPTS !== 0) return { wrong: count, lockedUntil: 0 };
  const doublings = Math.min(20, count / MAX_ATTEMPTS - 1);
  return { wrong: count, lockedUntil: now + Math.min(LONGEST_LOCK_MS, FIRST_LOCK_MS * 2 ** doublings) };
}
