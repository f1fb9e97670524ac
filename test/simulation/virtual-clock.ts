import type { Clock, Timer } from '#platform/clock.ts';

/** A timer in the heap. It belongs to a process, which may be stopped or killed, or to nobody. */
class Pending implements Timer {
  readonly due: number;
  readonly order: number;
  fire: (() => void) | undefined;
  readonly owner: ProcessClock | undefined;

  constructor(due: number, order: number, fire: () => void, owner?: ProcessClock) {
    this.due = due;
    this.order = order;
    this.fire = fire;
    this.owner = owner;
  }

  cancel(): void {
    this.fire = undefined;
  }
}

/** Where simulations begin: far enough from the epoch that no unit is mistaken for another. */
const START = Date.UTC(2030, 0, 1);
/** Timers fired in one turn of the event loop. */
const BATCH = 64;

/**
 * Time that passes only when the test says so. Timers fire one by one in order of time and of their making; between two
 * of them promises and next ticks run to their end, so a run depends on nothing but its seed.
 */
export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  #heap: Pending[] = [];
  #held = 0;
  /** Timers fired so far. */
  fired = 0;

  constructor(start: number = START) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, fire: () => void): Timer {
    return this.schedule(ms, fire);
  }

  schedule(ms: number, fire: () => void, owner?: ProcessClock): Timer {
    // Clocks count whole milliseconds, as real ones do.
    const pending = new Pending(this.#now + Math.max(0, Math.ceil(ms)), this.#order++, fire, owner);
    push(this.#heap, pending);
    return pending;
  }

  /** Time stands still until the promise settles: for work that takes real time, such as making keys. */
  async hold<T>(work: Promise<T>): Promise<T> {
    this.#held++;
    try {
      return await work;
    } finally {
      this.#held--;
    }
  }

  /** Lets `ms` milliseconds pass. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.#drive(end, () => false);
    this.#now = end;
  }

  /** Lets time pass until `condition` holds; throws when it does not within `limitMs` of virtual time. */
  async runUntil(condition: () => boolean, limitMs = 600_000): Promise<void> {
    if (await this.#drive(this.#now + limitMs, condition)) return;
    throw new Error(`the condition did not come true within ${limitMs} ms of virtual time`);
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

  /**
   * Fires timers until none is due by `end` (false) or `done` holds (true). Between two immediates of one turn the runtime carries out
   * every promise reaction and next tick: so each timer has an immediate of its own, and a turn of the event loop serves many of them.
   */
  #drive(end: number, done: () => boolean): Promise<boolean> {
    return new Promise((resolve, reject) => {
      let over = false;
      let left = 0;
      const finish = (settle: () => void) => {
        over = true;
        settle();
      };
      const turn = () => {
        left--;
        if (over) return;
        try {
          if (done()) finish(() => resolve(true));
          else if (this.#held === 0 && !this.#fireNext(end)) finish(() => resolve(false));
        } catch (error) {
          finish(() => reject(error));
        }
        if (!over && left === 0) begin();
      };
      const begin = () => {
        left = BATCH;
        for (let i = 0; i < BATCH; i++) setImmediate(turn);
      };
      // Immediates of others that wait already go first.
      setImmediate(() => setImmediate(begin));
    });
  }

  #fireNext(end: number): boolean {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.due > end) return false;
      pop(this.#heap);
      const { fire, owner } = next;
      if (fire === undefined) continue;
      this.#now = Math.max(this.#now, next.due);
      this.fired++;
      if (owner !== undefined && !owner.mayFire(next)) continue;
      next.fire = undefined;
      fire();
      return true;
    }
  }
}

/**
 * The clock of one simulated process. While the process is stopped its timers wait, and those that came due meanwhile
 * fire when it continues, as after SIGSTOP and SIGCONT; after `kill` they never fire. It may be fast or slow by a fixed time.
 */
export class ProcessClock implements Clock {
  readonly #clock: Clock;
  #state: 'running' | 'stopped' | 'killed' = 'running';
  #missed: { fire: (() => void) | undefined }[] = [];
  /** How much later than the others' clocks this one stands, in milliseconds. */
  skew = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now() + this.skew;
  }

  after(ms: number, fire: () => void): Timer {
    if (this.#clock instanceof VirtualClock) return this.#clock.schedule(ms, fire, this);
    const timer: { fire: (() => void) | undefined } = { fire };
    const real = this.#clock.after(ms, () => {
      if (this.mayFire(timer)) timer.fire?.();
    });
    return {
      cancel: () => {
        timer.fire = undefined;
        real.cancel();
      },
    };
  }

  /** Asked when a timer of this process is due; one that may not fire now is kept until the process continues. */
  mayFire(timer: { fire: (() => void) | undefined }): boolean {
    if (this.#state === 'stopped') this.#missed.push(timer);
    return this.#state === 'running';
  }

  stop(): void {
    if (this.#state === 'running') this.#state = 'stopped';
  }

  continue(): void {
    if (this.#state !== 'stopped') return;
    this.#state = 'running';
    const missed = this.#missed;
    this.#missed = [];
    for (const { fire } of missed) fire?.();
  }

  kill(): void {
    this.#state = 'killed';
    this.#missed = [];
  }
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
