import { performance } from 'node:perf_hooks';

/** One timed operation: microseconds an operation. */
export interface Timing {
  readonly name: string;
  readonly opsPerSecond: number;
  readonly medianUs: number;
  readonly p95Us: number;
  readonly samples: number;
}

const WARM_UP_MS = 150;

/** Times a synchronous operation for about `ms` milliseconds. Quick ones are timed in batches, so that the clock does not count. */
export function timeSync(name: string, operation: () => void, ms = 600): Timing {
  const batch = batchSize(operation);
  const samples: number[] = [];
  const end = performance.now() + ms;
  while (performance.now() < end) {
    const start = performance.now();
    for (let i = 0; i < batch; i++) operation();
    samples.push(((performance.now() - start) * 1000) / batch);
  }
  return summary(name, samples);
}

/** Times one operation call by call, in as many portions as one likes. */
export class Stopwatch {
  readonly #name: string;
  readonly #samples: number[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  time(operation: () => void): void {
    const start = performance.now();
    operation();
    this.#samples.push((performance.now() - start) * 1000);
  }

  async timeAsync(operation: () => Promise<unknown>): Promise<void> {
    const start = performance.now();
    await operation();
    this.#samples.push((performance.now() - start) * 1000);
  }

  get timing(): Timing {
    return summary(this.#name, this.#samples);
  }
}

function batchSize(operation: () => void): number {
  const end = performance.now() + WARM_UP_MS;
  let calls = 0;
  while (performance.now() < end) {
    operation();
    calls++;
  }
  const perCallUs = (WARM_UP_MS * 1000) / calls;
  return Math.max(1, Math.round(50 / perCallUs));
}

function summary(name: string, samples: number[]): Timing {
  const sorted = samples.toSorted((a, b) => a - b);
  const total = samples.reduce((sum, one) => sum + one, 0);
  return {
    name,
    opsPerSecond: Math.round((1_000_000 * samples.length) / total),
    medianUs: round(sorted[Math.floor(sorted.length / 2)] ?? 0),
    p95Us: round(sorted[Math.floor(sorted.length * 0.95)] ?? 0),
    samples: samples.length,
  };
}

export function round(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}
