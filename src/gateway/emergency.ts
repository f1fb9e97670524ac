import type { LineDesk } from '#gateway/line-desk.ts';
import type { LinePool } from '#gateway/line-pool.ts';
import type { LiveCall, LiveCalls } from '#gateway/live-calls.ts';
import { type Clock, delay } from '#platform/clock.ts';
import type { Logger } from '#platform/log.ts';

export interface EmergencyDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly calls: LiveCalls;
  readonly lines: LinePool;
}

export interface EmergencyOptions {
  readonly desks: readonly LineDesk[];
  /** Whether an ordinary call may be ended. */
  readonly clearsLine: boolean;
  readonly signal: AbortSignal;
}

/** How long an emergency call waits for a line; somebody who hears nothing for longer looks for another telephone. */
const WAIT_MS = 20_000;
const LOOK_AGAIN_MS = 100;
/** An ended call whose line is not free by then has a modem that is stuck: the next call is ended. */
const CLEARING_MS = 5000;

/**
 * Lines for an emergency call, one after the other: free ones first, then each that becomes free, for which ordinary calls are ended. Ends
 * when every line was given, or none became free in time.
 */
export async function* emergencyLines(deps: EmergencyDeps, options: EmergencyOptions): AsyncGenerator<LineDesk> {
  const left = new Set(options.desks);
  while (left.size > 0 && !options.signal.aborted) {
    const desk = await deps.lines.urgently(() => nextFree(deps, options, left));
    if (desk === undefined) return;
    left.delete(desk);
    yield desk;
  }
}

async function nextFree(
  { clock, calls, log }: EmergencyDeps,
  { clearsLine, signal }: EmergencyOptions,
  desks: ReadonlySet<LineDesk>,
): Promise<LineDesk | undefined> {
  const until = clock.now() + WAIT_MS;
  let clearAt = clock.now();
  while (!signal.aborted && clock.now() < until) {
    const free = [...desks].find((desk) => desk.isFree);
    if (free) return free;
    // Without a modem there is nothing to wait for.
    if (![...desks].some((desk) => desk.isPresent)) return undefined;
    const victim = clearsLine && clock.now() >= clearAt ? leastMissed(calls.list, desks) : undefined;
    if (victim) {
      clearAt = clock.now() + CLEARING_MS;
      log.warn('call ended for an emergency call', { call: victim.id, line: victim.line });
      victim.hangUp.abort(new Error('the line is needed for an emergency call'));
    }
    await delay(clock, LOOK_AGAIN_MS, signal).catch(() => {});
  }
  return undefined;
}

/** The ordinary call that is ended: one that nobody answered yet before one in which people talk, and of those the latest. */
function leastMissed(calls: readonly LiveCall[], desks: ReadonlySet<LineDesk>): LiveCall | undefined {
  const lines = new Set([...desks].filter(isClearable).map((desk) => desk.line.name));
  const rank = (call: LiveCall) => [call.answeredAt === undefined ? 0 : 1, -call.startedAt] as const;
  return calls
    .filter(
      (call) =>
        call.info.emergency !== true && !call.hangUp.signal.aborted && call.line !== undefined && lines.has(call.line),
    )
    .sort((a, b) => rank(a)[0] - rank(b)[0] || rank(a)[1] - rank(b)[1])[0];
}

/** A line that rings goes on ringing whatever becomes of the phones, and a telephone on the line answers to nobody here. */
function isClearable({ line }: LineDesk): boolean {
  const { state } = line.status;
  return state === 'busy' || state === 'dialling';
}
