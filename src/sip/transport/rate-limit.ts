import type { Clock } from '#platform/clock.ts';

export interface RateLimitOptions {
  /** Sustained number a second, and how many may come at once. */
  readonly perSecond: number;
  readonly burst: number;
  /** Sources remembered; the one quiet for longest is forgotten first. */
  readonly sources: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

/** One token bucket per source, in bounded memory. */
export class RateLimit {
  readonly #clock: Clock;
  readonly #options: RateLimitOptions;
  readonly #buckets = new Map<string, Bucket>();

  constructor(deps: { readonly clock: Clock }, options: RateLimitOptions) {
    this.#clock = deps.clock;
    this.#options = options;
  }

  /** Takes a token of `source`; false when it has none left. */
  take(source: string): boolean {
    const bucket = this.#refill(source);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  /** Whether `take` would succeed. */
  allows(source: string): boolean {
    return this.#refill(source).tokens >= 1;
  }

  #refill(source: string): Bucket {
    const { perSecond, burst, sources } = this.#options;
    const now = this.#clock.now();
    const known = this.#buckets.get(source);
    const bucket = known ?? { tokens: burst, at: now };
    bucket.tokens = Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.at) / 1000) * perSecond);
    bucket.at = now;
    // Map keeps insertion order: putting the bucket last makes the first one the longest quiet.
    this.#buckets.delete(source);
    this.#buckets.set(source, bucket);
    if (this.#buckets.size > sources) {
      const oldest = this.#buckets.keys().next();
      if (oldest.done !== true) this.#buckets.delete(oldest.value);
    }
    return bucket;
  }
}
