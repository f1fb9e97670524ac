import type { LineConfig } from '#config/line.ts';
import type { Config } from '#config/schema.ts';
import type { CallRecords } from '#gateway/call-records.ts';
import { type DialDecision, decide } from '#gateway/dial-plan.ts';
import type { Dialled } from '#gateway/dialled.ts';
import { lineDigits, type NumberPlan } from '#gateway/number-plan.ts';
import type { Line } from '#pstn/line.ts';

export type Diallable = Extract<Dialled, { kind: 'number' | 'emergency' | 'short' }>;

export interface LineDeskDeps {
  readonly line: Line;
  readonly records: CallRecords;
  readonly plan: NumberPlan;
}

/** One line as the call scenarios see it: whether it is free, what it serves, and who may use it. */
export class LineDesk {
  readonly line: Line;
  readonly config: LineConfig;
  readonly #records: CallRecords;
  readonly #plan: NumberPlan;
  readonly #dialPlan: Config['dial_plan'];

  constructor(deps: LineDeskDeps, options: { readonly line: LineConfig; readonly dialPlan: Config['dial_plan'] }) {
    this.line = deps.line;
    this.config = options.line;
    this.#records = deps.records;
    this.#plan = deps.plan;
    this.#dialPlan = options.dialPlan;
  }

  get isFree(): boolean {
    return this.line.status.state === 'idle';
  }

  /** False while the modem is missing. */
  get isPresent(): boolean {
    const { state } = this.line.status;
    return state !== 'absent' && state !== 'starting';
  }

  serves(dialled: Diallable): boolean {
    return this.fit(dialled) >= 0;
  }

  /** How many characters of the number the line's longest prefix for it covers; -1 when it does not serve it. */
  fit(dialled: Diallable): number {
    if (dialled.kind !== 'number') return 0;
    const fitting = this.config.serves.filter((prefix) => dialled.e164.startsWith(prefix));
    return Math.max(-1, ...fitting.map((prefix) => prefix.length));
  }

  judge(caller: string, dialled: Diallable): DialDecision {
    return decide({ caller, dialled, usage: this.#records.usage(caller) }, this.#dialPlan, this.#plan);
  }

  /** What the modem is to dial. */
  digitsFor(dialled: Diallable): string {
    return dialled.kind === 'number' ? lineDigits(dialled.e164, this.#plan) : dialled.digits;
  }

  get callLimitMs(): number {
    return this.#dialPlan.minutes_per_call * 60_000;
  }
}
