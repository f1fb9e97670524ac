import type { Spending } from '#gateway/budgets.ts';
import type { Diallable } from '#gateway/dial-plan.ts';
import { type EmergencyDeps, emergencyLines } from '#gateway/emergency.ts';
import type { LineDesk } from '#gateway/line-desk.ts';
import type { LineChoice } from '#gateway/line-pool.ts';
import { Failure } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { DialFault, LineCall } from '#pstn/line.ts';

interface PlacedOnLine {
  readonly line: LineCall;
  readonly desk: LineDesk;
}

interface Dialling {
  readonly dialled: Diallable;
  /** Whether the line's own number is to be withheld. */
  readonly withheld?: boolean;
  /** Told before each line is tried. */
  readonly trying: (desk: LineDesk) => void;
}

export interface ChosenDialling {
  readonly dialled: Diallable;
  readonly withheld: boolean;
  readonly choice: Extract<LineChoice, { kind: 'free' | 'emergency' }>;
  /** Of an ordinary call. */
  readonly spending: Spending | undefined;
  /** Whether an emergency call may end an ordinary one. */
  readonly clearsLine: boolean;
}

/** What says that this line can't take the call now, and nothing about the number: the next free line is tried. */
const NEXT_LINE: ReadonlySet<string> = new Set<DialFault['code']>(['line-unavailable', 'glare', 'no-dial-tone']);

const NO_LINE: DialFault = { code: 'line-unavailable', state: 'busy' };

/** Dials over the lines of a choice; in an emergency, lines are freed for it. Rejects with `Failure<DialFault>`. */
export function dialLines(
  deps: EmergencyDeps,
  live: { line: string | undefined },
  { dialled, withheld, choice, spending, clearsLine }: ChosenDialling,
  signal: AbortSignal,
): Promise<PlacedOnLine> {
  const { desks } = choice;
  const inTurn = choice.kind === 'emergency' ? emergencyLines(deps, { desks, clearsLine, signal }) : desks;
  const trying = ({ line }: LineDesk) => {
    live.line = line.name;
    spending?.over(line.name);
  };
  return dialFirstFree(deps.log, inTurn, { dialled, withheld, trying }, signal);
}

/**
 * Dials on one line after the other while the reason to fail lies in the line; in an emergency, whatever the reason.
 * Rejects with `Failure<DialFault>`.
 */
export async function dialFirstFree(
  log: Logger,
  desks: Iterable<LineDesk> | AsyncIterable<LineDesk>,
  { dialled, withheld = false, trying }: Dialling,
  signal: AbortSignal,
): Promise<PlacedOnLine> {
  let reason: unknown = new Failure<DialFault>(NO_LINE, 'no line became free in time');
  for await (const desk of desks) {
    const written = desk.digitsFor(dialled, withheld);
    if ('unusable' in written) continue;
    trying(desk);
    try {
      return { line: await desk.line.dial(written.digits, signal), desk };
    } catch (thrown) {
      reason = thrown;
      if (signal.aborted || !(dialled.kind === 'emergency' || isOfTheLine(thrown))) break;
      log.info('line not usable', { line: desk.line.name, why: String(thrown) });
    }
  }
  throw reason;
}

function isOfTheLine(thrown: unknown): boolean {
  return thrown instanceof Failure && NEXT_LINE.has(thrown.code);
}
