import type { Clock } from '#platform/clock.ts';

/** Things that come in over a limited time, to be taken one by one as they come. */
export class Arrivals<Item> {
  readonly #most: number;
  readonly #items: Item[] = [];
  #taken = 0;
  #ended = false;
  #wake: () => void = () => {};

  /** Ends by itself after `most` items. */
  constructor(most: number) {
    this.#most = most;
  }

  add(item: Item): void {
    if (this.#ended) return;
    this.#items.push(item);
    if (this.#taken + this.#items.length >= this.#most) this.#ended = true;
    this.#wake();
  }

  /** Yields what came and what comes within `ms`. Rejects with the signal's reason when it aborts. */
  async *within(clock: Clock, ms: number, signal: AbortSignal): AsyncIterable<Item> {
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    const timer = clock.after(ms, end);
    signal.addEventListener('abort', end, { once: true });
    try {
      for (;;) {
        signal.throwIfAborted();
        const item = this.#items.shift();
        if (item !== undefined) {
          this.#taken++;
          yield item;
        } else if (this.#ended) return;
        else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      timer.cancel();
      signal.removeEventListener('abort', end);
    }
  }
}
