import type { Clock } from '#platform/clock.ts';
import { BoundedCache } from '#reload/security/bounded-cache.ts';

export interface LoginLimits {
  /** Failures that one address or one account may have within the window. */
  readonly failures: number;
  readonly windowMs: number;
}

const DEFAULT_LOGIN_LIMITS: LoginLimits = { failures: 10, windowMs: 60_000 };

/** Slows down guessing of passwords. Remembers a bounded number of addresses and accounts. */
export class LoginLimiter {
  readonly #clock: Clock;
  readonly #limits: LoginLimits;
  readonly #failures = new BoundedCache<readonly number[]>(10_000);

  constructor(deps: { readonly clock: Clock }, limits: LoginLimits = DEFAULT_LOGIN_LIMITS) {
    this.#clock = deps.clock;
    this.#limits = limits;
  }

  isBlocked(...keys: readonly string[]): boolean {
    return keys.some((key) => this.#recent(key).length >= this.#limits.failures);
  }

  failed(...keys: readonly string[]): void {
    for (const key of keys) this.#failures.set(key, [...this.#recent(key), this.#clock.now()]);
  }

  #recent(key: string): readonly number[] {
    const oldest = this.#clock.now() - this.#limits.windowMs;
    return (this.#failures.get(key) ?? []).filter((time) => time > oldest);
  }
}
