import type { PinConfig } from '#config/pins.ts';
import { readPinHash } from '#gateway/calls/pin-hash.ts';
import type { Clock } from '#platform/clock.ts';
import { matchesPassword } from '#reload/enrollment/password.ts';

/** Who enters a PIN. */
export type PinFrom = PinConfig['from'][number];

export type PinVerdict =
  /** `name` of the PIN. */
  | { readonly kind: 'right'; readonly name: string }
  | { readonly kind: 'wrong' }
  /** Too many wrong ones: nothing was compared. */
  | { readonly kind: 'locked' };

/** Wrong PINs of one caller before it has to wait, and of all callers together. */
const TRIES_OF_ONE = 3;
const TRIES_OF_ALL = 12;
/** The first wait; each further wrong PIN doubles it. */
const FIRST_WAIT_MS = 60_000;
const LONGEST_WAIT_MS = 24 * 3_600_000;
/** Wrong PINs older than this are forgotten. */
const MEMORY_MS = 24 * 3_600_000;
/** Callers remembered; the ones longest ago are forgotten first, and the count of all goes on. */
const MAX_CALLERS = 1000;

interface Wrong {
  readonly count: number;
  readonly lastAt: number;
  readonly lockedUntil: number;
}

const NONE: Wrong = { count: 0, lastAt: 0, lockedUntil: 0 };

/**
 * PINs of callers that no rule names. Every try costs one scrypt for each PIN there is, whichever it was, so the time taken tells
 * nothing; one try at a time is looked at, so that many calls at once guess no faster than one. PINs are in no log and no event.
 */
export class PinGate {
  readonly #clock: Clock;
  readonly #pins: readonly PinConfig[];
  readonly #callers = new Map<string, Wrong>();
  #all: Wrong = NONE;
  #work: Promise<unknown> = Promise.resolve();

  constructor(clock: Clock, pins: readonly PinConfig[]) {
    this.#clock = clock;
    this.#pins = pins;
  }

  /** As whom the dial plan knows those who entered a PIN. */
  identitiesOf(from: PinFrom): readonly string[] {
    return this.#pins.filter((pin) => pin.from.includes(from)).map(({ name }) => pinIdentity(name));
  }

  isLocked(caller: string): boolean {
    const now = this.#clock.now();
    return this.#of(caller).lockedUntil > now || this.#recent(this.#all).lockedUntil > now;
  }

  check(from: PinFrom, caller: string, entered: string): Promise<PinVerdict> {
    const verdict = this.#work.then(() => this.#check(from, caller, entered));
    this.#work = verdict.catch(() => {});
    return verdict;
  }

  async #check(from: PinFrom, caller: string, entered: string): Promise<PinVerdict> {
    if (this.isLocked(caller)) return { kind: 'locked' };
    const all = this.#all;
    const own = this.#of(caller);
    // Counted before the comparison, so that a call broken off in between counts too.
    this.#all = this.#afterWrong(this.#recent(all), TRIES_OF_ALL);
    this.#remember(caller, this.#afterWrong(own, TRIES_OF_ONE));
    const matches = await Promise.all(this.#pins.map(({ hash }) => matchesPassword(entered, readPinHash(hash))));
    const name = this.#pins.find((pin, i) => matches[i] === true && pin.from.includes(from))?.name;
    if (name === undefined) return { kind: 'wrong' };
    this.#all = all;
    this.#callers.delete(caller);
    return { kind: 'right', name };
  }

  #of(caller: string): Wrong {
    return this.#recent(this.#callers.get(caller) ?? NONE);
  }

  #recent(wrong: Wrong): Wrong {
    return wrong.lastAt + MEMORY_MS < this.#clock.now() ? NONE : wrong;
  }

  #afterWrong({ count }: Wrong, tries: number): Wrong {
    const now = this.#clock.now();
    const beyond = count + 1 - tries;
    const wait = beyond < 0 ? 0 : Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(beyond, 20));
    return { count: count + 1, lastAt: now, lockedUntil: now + wait };
  }

  #remember(caller: string, wrong: Wrong): void {
    this.#callers.delete(caller);
    this.#callers.set(caller, wrong);
    const [oldest] = this.#callers.keys();
    if (this.#callers.size > MAX_CALLERS && oldest !== undefined) this.#callers.delete(oldest);
  }
}

export function pinIdentity(name: string): string {
  return `pin:${name}`;
}
