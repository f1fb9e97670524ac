import { utf8 } from '#platform/bytes.ts';
import type { Clock } from '#platform/clock.ts';
import type { KeyValueNamespace } from '#store/key-value-store.ts';

const DAY_MS = 86_400_000;
/** The oldest are forgotten first. */
const MAX_PASSED = 2000;

export interface PassedCallersDeps {
  readonly clock: Clock;
  readonly entries: KeyValueNamespace;
  /** Told after each change. */
  readonly changed: () => void;
}

/** Numbers that passed the challenge, so that nobody is asked at every call. */
export class PassedCallers {
  readonly #deps: PassedCallersDeps;
  readonly #forMs: number;
  /** When each passed last, the oldest first. */
  readonly #passed = new Map<string, number>();

  constructor(deps: PassedCallersDeps, rememberDays: number) {
    this.#deps = deps;
    this.#forMs = rememberDays * DAY_MS;
  }

  load(): void {
    const { entries } = this.#deps;
    const read = Array.from(entries.keys(''), (number) => {
      const bytes = entries.get(number);
      return [number, Number(bytes && new TextDecoder().decode(bytes)) || 0] as const;
    });
    for (const [number, at] of read.sort(([, a], [, b]) => a - b)) this.#passed.set(number, at);
  }

  get count(): number {
    return this.#passed.size;
  }

  has(number: string | undefined): boolean {
    const at = number === undefined ? undefined : this.#passed.get(number);
    return at !== undefined && this.#deps.clock.now() - at < this.#forMs;
  }

  /** Forgets who passed too long ago on the way. */
  async add(number: string): Promise<void> {
    if (this.#forMs === 0) return;
    const now = this.#deps.clock.now();
    this.#passed.delete(number);
    this.#passed.set(number, now);
    const old = [...this.#passed]
      .filter(([, at], i) => now - at >= this.#forMs || i < this.#passed.size - MAX_PASSED)
      .map(([one]) => one);
    for (const one of old) this.#passed.delete(one);
    await this.#deps.entries.update((transaction) => {
      transaction.put(number, utf8(String(now)));
      for (const one of old) transaction.remove(one);
    });
    this.#deps.changed();
  }

  /** Resolves with how many there were. */
  async clear(): Promise<number> {
    const all = [...this.#passed.keys()];
    await this.#deps.entries.update((transaction) => {
      for (const number of all) transaction.remove(number);
    });
    this.#passed.clear();
    this.#deps.changed();
    return all.length;
  }
}
