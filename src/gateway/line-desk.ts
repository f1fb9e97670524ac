import type { LineConfig } from '#config/line.ts';
import type { Budgets } from '#gateway/budgets.ts';
import {
  type DialDecision,
  type Diallable,
  type DialPlan,
  decide,
  type LinePolicy,
  NO_EMERGENCY,
  policyOf,
} from '#gateway/dial-plan.ts';
import { type LineDigits, type LineNumbering, lineDigits } from '#gateway/line-digits.ts';
import type { NumberPlan } from '#gateway/number-plan.ts';
import type { Line } from '#pstn/line.ts';

export interface LineDeskDeps {
  readonly line: Line;
  readonly budgets: Budgets;
  readonly plan: NumberPlan;
}

/** What somebody wants of a line. */
export interface LineQuestion {
  /** The authenticated user name. */
  readonly caller: string;
  readonly dialled: Diallable;
  /** Whether the caller asked that the own number is not shown. */
  readonly withheld?: boolean;
}

/** One line as the call scenarios see it: whether it is free, what it serves, and who may use it. */
export class LineDesk {
  readonly line: Line;
  readonly config: LineConfig;
  readonly numbering: LineNumbering;
  readonly #budgets: Budgets;
  readonly #policy: LinePolicy;

  constructor(deps: LineDeskDeps, options: { readonly line: LineConfig; readonly dialPlan: DialPlan }) {
    const { line: config, dialPlan } = options;
    this.line = deps.line;
    this.config = config;
    this.numbering = { plan: deps.plan, dial: config.dial, areaCode: config.area_code };
    this.#budgets = deps.budgets;
    this.#policy = policyOf(dialPlan, config.dial_plan);
  }

  get isFree(): boolean {
    return this.line.status.state === 'idle';
  }

  /** False while the modem is missing. */
  get isPresent(): boolean {
    const { state } = this.line.status;
    return state !== 'absent' && state !== 'starting';
  }

  get servesEmergency(): boolean {
    return this.#policy.emergency && !this.config.emulated;
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

  judge({ caller, dialled, withheld = false }: LineQuestion): DialDecision {
    if (dialled.kind === 'emergency') return this.servesEmergency ? { allowed: true } : NO_EMERGENCY;
    const decision = decide({ caller, dialled }, this.#policy, this.numbering.plan);
    if (!decision.allowed) return decision;
    const written = this.digitsFor(dialled, withheld);
    if ('unusable' in written)
      return { allowed: false, status: 403, phrase: 'Not Possible Here', why: written.unusable };
    return this.#budgets.refusal(caller, this.line.name) ?? decision;
  }

  /** What the modem is to dial. */
  digitsFor(dialled: Diallable, withheld: boolean): LineDigits {
    return lineDigits(dialled, this.numbering, withheld);
  }

  get callLimitMs(): number {
    return this.#policy.minutes_per_call * 60_000;
  }
}
