import { createHash } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Failure } from '#platform/failure.ts';
import { BrokenPromise, type Target } from './target.ts';

/** What an input did. `accepted` and `refused` are well. */
export type Verdict =
  | { readonly outcome: 'accepted' | 'refused' }
  | { readonly outcome: 'crash'; readonly why: string; readonly detail: string };

/** An input may take this long beside a fixed piece of work of about a millisecond: as if each of its bytes cost a microsecond. */
const WORK_BYTES = 2 ** 20;
const BYTES_PER_SHARE = 1000;
/** A share of the work is about a millisecond; what takes less than this a share is not looked at twice. */
const SUSPECT_MS = 1;
const RERUNS = 8;
const LEAST_WORK_MS = 0.7;

/** What may stay in memory of an input. */
const FIXED_MEMORY = 16 * 2 ** 20;
const MEMORY_PER_BYTE = 400;

/** Hands the input to the target and says whether all promises were kept. */
export async function judge(target: Target, input: Uint8Array): Promise<Verdict> {
  const started = performance.now();
  const verdict = await outcomeOf(target, input);
  const ms = performance.now() - started;
  if (verdict.outcome === 'crash' || ms < SUSPECT_MS * target.work) return verdict;
  return (await tooSlow(target, input)) ?? verdict;
}

async function outcomeOf(target: Target, input: Uint8Array): Promise<Verdict> {
  listenForEscapes();
  try {
    await target.run(input);
    requireCleanPrototype();
    return firstEscape() ?? { outcome: 'accepted' };
  } catch (thrown) {
    if (thrown instanceof Failure) return { outcome: 'refused' };
    return { outcome: 'crash', why: nameOf(thrown), detail: detailOf(thrown) };
  }
}

/** What no handler caught, from timers and sockets too. */
const escaped: unknown[] = [];
let listens = false;

function listenForEscapes(): void {
  if (listens) return;
  listens = true;
  process.on('uncaughtException', (thrown) => escaped.push(thrown));
  process.on('unhandledRejection', (thrown) => escaped.push(thrown));
}

function firstEscape(): Verdict | undefined {
  const [first] = escaped.splice(0);
  return first === undefined ? undefined : { outcome: 'crash', why: 'escaped', detail: detailOf(first) };
}

/** Keys such as `__proto__` must not reach the prototype that all objects share. */
function requireCleanPrototype(): void {
  for (const name in {}) throw new BrokenPromise(`all objects have got a property ${name}`);
}

/**
 * Runs it again beside the fixed work and compares the processor's time, which other processes don't lengthen much, and lengthen for both.
 * Only the best of several runs counts.
 */
async function tooSlow(target: Target, input: Uint8Array): Promise<Verdict | undefined> {
  const allowed = target.work + input.length / BYTES_PER_SHARE;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < RERUNS && least > allowed; i++) {
    const beforeWork = process.cpuUsage();
    createHash('sha256').update(WORK).digest();
    const work = millisecondsSince(beforeWork);
    const before = process.cpuUsage();
    await outcomeOf(target, input);
    least = Math.min(least, millisecondsSince(before) / Math.max(work, LEAST_WORK_MS));
  }
  if (least <= allowed) return undefined;
  const detail = `${input.length} bytes take ${Math.round(least)} times the time of the fixed work, ${Math.round(allowed)} are allowed`;
  return { outcome: 'crash', why: 'slow', detail };
}

function millisecondsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const WORK = new Uint8Array(WORK_BYTES);

/** Whether more of the input stays in memory than it may. Slow: it collects garbage. */
export async function judgeMemory(target: Target, input: Uint8Array): Promise<Verdict> {
  const allowed = FIXED_MEMORY + MEMORY_PER_BYTE * input.length;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3 && least > allowed; i++) least = Math.min(least, await growth(target, input));
  if (least <= allowed) return { outcome: 'accepted' };
  return {
    outcome: 'crash',
    why: 'memory',
    detail: `${input.length} bytes keep ${least} bytes of memory, ${allowed} are allowed`,
  };
}

async function growth(target: Target, input: Uint8Array): Promise<number> {
  const before = usedMemory();
  let kept: unknown;
  try {
    kept = await target.run(input);
  } catch (thrown) {
    kept = thrown;
  }
  const after = usedMemory();
  // Refers to what was kept after the measurement, so that it cannot be collected before.
  return kept === usedMemory ? 0 : after - before;
}

let collect: (() => void) | undefined;

/** Bytes in use after garbage was collected. */
export function usedMemory(): number {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function nameOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.constructor.name : typeof thrown;
}

function detailOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return (thrown.stack ?? thrown.message).split('\n').slice(0, 6).join('\n');
}
