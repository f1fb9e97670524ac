import type { Clock, Timer } from '#platform/clock.ts';

/** One place where someone can be reached (RFC 3261 §10). */
export interface Binding {
  /** The Contact URI as the phone gave it. */
  readonly uri: string;
  /** Equal for equivalent Contact URIs. */
  readonly key: string;
  /** The flow the registration came over; undefined when the phone is to be reached by its Contact. */
  readonly flowKey: string | undefined;
  readonly expiresAt: number;
  readonly callId: string;
  readonly sequence: number;
  /** Preference from 0 to 1. */
  readonly q: number;
}

export interface BindingOptions {
  readonly maxAors: number;
  readonly maxPerAor: number;
}

/** The location service: bindings by AOR, in memory. Phones register again after a restart. */
export class Bindings {
  readonly #clock: Clock;
  readonly #options: BindingOptions;
  readonly #byAor = new Map<string, readonly Binding[]>();
  readonly #timers = new Map<string, Timer>();
  /** Called after each change with the milliseconds until the last binding ends; 0 = none is left. */
  readonly #changed: (aor: string, remainingMs: number) => void;

  constructor(
    deps: { readonly clock: Clock; readonly changed: (aor: string, remainingMs: number) => void },
    options: BindingOptions,
  ) {
    this.#clock = deps.clock;
    this.#changed = deps.changed;
    this.#options = options;
  }

  /** Those that have not expired, the preferred ones first. */
  of(aor: string): readonly Binding[] {
    const now = this.#clock.now();
    return (this.#byAor.get(aor) ?? []).filter(({ expiresAt }) => expiresAt > now);
  }

  get aors(): readonly string[] {
    return [...this.#byAor.keys()];
  }

  /** Whether so many bindings can be kept for an AOR. */
  hasRoom(aor: string, count: number): boolean {
    return count <= this.#options.maxPerAor && (this.#byAor.has(aor) || this.#byAor.size < this.#options.maxAors);
  }

  replace(aor: string, bindings: readonly Binding[]): void {
    const before = this.of(aor).length;
    this.#keep(aor, bindings);
    if (before > 0 || bindings.length > 0) this.#changed(aor, this.#remaining(aor));
  }

  clear(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    this.#byAor.clear();
  }

  #keep(aor: string, bindings: readonly Binding[]): void {
    this.#timers.get(aor)?.cancel();
    this.#timers.delete(aor);
    if (bindings.length === 0) {
      this.#byAor.delete(aor);
      return;
    }
    this.#byAor.set(
      aor,
      [...bindings].sort((a, b) => b.q - a.q),
    );
    const next = Math.min(...bindings.map(({ expiresAt }) => expiresAt));
    this.#timers.set(
      aor,
      this.#clock.after(Math.max(0, next - this.#clock.now()), () => this.#expire(aor)),
    );
  }

  #expire(aor: string): void {
    const live = this.of(aor);
    this.#keep(aor, live);
    if (live.length === 0) this.#changed(aor, 0);
  }

  #remaining(aor: string): number {
    const now = this.#clock.now();
    return Math.max(0, ...this.of(aor).map(({ expiresAt }) => expiresAt - now));
  }
}
