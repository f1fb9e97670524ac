import type { Clock, Timer } from '#platform/clock.ts';

interface Pending {
  readonly due: number;
  readonly order: number;
  readonly fire: () => void;
  cancelled: boolean;
}

/** Where simulations begin: far enough from the epoch that no unit is mistaken for another. */
const START = Date.UTC(2030, 0, 1);

/**
 * Time that passes only when the test says so. Timers fire one by one in order of time and of their making; between two
 * of them everything that is ready to run (promises, next ticks, immediates) runs to its end, so a run depends on nothing but its seed.
 */
export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  #heap: Pending[] = [];

  constructor(start: number = START) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, fire: () => void): Timer {
    const pending: Pending = { due: this.#now + Math.max(0, ms), order: this.#order++, fire, cancelled: false };
    push(this.#heap, pending);
    return {
      cancel: () => {
        pending.cancelled = true;
      },
    };
  }

  /** Lets `ms` milliseconds pass. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    while (await this.#step(end)) {
      // Each step fires one timer.
    }
    this.#now = end;
  }

  /** Lets time pass until `condition` holds; throws when it does not within `limitMs` of virtual time. */
  async runUntil(condition: () => boolean, limitMs = 600_000): Promise<void> {
    const end = this.#now + limitMs;
    await settle();
    while (!condition()) {
      if (!(await this.#step(end)))
        throw new Error(`the condition did not come true within ${limitMs} ms of virtual time`);
    }
  }

  /** Lets time pass until `promise` settles, and gives its outcome. */
  async run<T>(promise: Promise<T>, limitMs = 600_000): Promise<T> {
    let settled = false;
    const mark = () => {
      settled = true;
    };
    promise.then(mark, mark);
    await this.runUntil(() => settled, limitMs);
    return promise;
  }

  async #step(end: number): Promise<boolean> {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.due > end) return false;
      pop(this.#heap);
      if (next.cancelled) continue;
      this.#now = Math.max(this.#now, next.due);
      next.fire();
      await settle();
      return true;
    }
  }
}

/**
 * The clock of one simulated process. While the process is stopped its timers wait, and those that came due meanwhile
 * fire when it continues, as after SIGSTOP and SIGCONT; after `kill` they never fire.
 */
export class ProcessClock implements Clock {
  readonly #clock: Clock;
  #state: 'running' | 'stopped' | 'killed' = 'running';
  #missed: { readonly fire: () => void; cancelled: boolean }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  after(ms: number, fire: () => void): Timer {
    const entry = { fire, cancelled: false };
    const timer = this.#clock.after(ms, () => {
      if (this.#state === 'running') fire();
      else if (this.#state === 'stopped') this.#missed.push(entry);
    });
    return {
      cancel: () => {
        entry.cancelled = true;
        timer.cancel();
      },
    };
  }

  stop(): void {
    if (this.#state === 'running') this.#state = 'stopped';
  }

  continue(): void {
    if (this.#state !== 'stopped') return;
    this.#state = 'running';
    const missed = this.#missed;
    this.#missed = [];
    for (const entry of missed) if (!entry.cancelled) entry.fire();
  }

  kill(): void {
    this.#state = 'killed';
    this.#missed = [];
  }
}

/** An immediate runs only after every promise reaction and next tick has run; two rounds cover code that uses immediates itself. */
async function settle(): Promise<void> {
  await new Promise(setImmediate);
  await new Promise(setImmediate);
}

function before(a: Pending, b: Pending): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}

function push(heap: Pending[], item: Pending): void {
  let i = heap.length;
  heap.push(item);
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (before(heap[parent]!, item)) break;
    heap[i] = heap[parent]!;
    i = parent;
  }
  heap[i] = item;
}

function pop(heap: Pending[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let i = 0;
  for (;;) {
    let child = 2 * i + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
    if (before(last, heap[child]!)) break;
    heap[i] = heap[child]!;
    i = child;
  }
  heap[i] = last;
}
