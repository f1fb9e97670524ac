import type { Config } from '#config/schema.ts';
import { Budgets } from '#gateway/budgets.ts';
import { CALLS_NAMESPACE } from '#gateway/call-log.ts';
import { CallRecords } from '#gateway/call-records.ts';
import { PinGate } from '#gateway/calls/pin-gate.ts';
import type { DialledContext } from '#gateway/dialled.ts';
import { LineDesk } from '#gateway/line-desk.ts';
import { LinePool } from '#gateway/line-pool.ts';
import { numberPlan } from '#gateway/number-plan.ts';
import type { OpenedLine } from '#gateway/open-line.ts';
import type { Clock } from '#platform/clock.ts';
import type { Logger } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import type { KeyValueStore } from '#store/key-value-store.ts';

export interface AccountingDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly store: KeyValueStore;
}

/** Who used what of the lines: budgets and call records, and the lines that ask them. */
export interface Accounting {
  readonly budgets: Budgets;
  readonly records: CallRecords;
  /** For callers that no rule names. */
  readonly pins: PinGate;
}

export function createAccounting(
  deps: AccountingDeps,
  { dial_plan: dialPlan, lines, limits, pins }: Config,
): Accounting {
  const budgets = new Budgets(deps, {
    caller: dialPlan,
    total: { calls_per_hour: dialPlan.total_calls_per_hour, minutes_per_day: dialPlan.total_minutes_per_day },
    lines: new Map(
      lines.map(({ name, dial_plan: own }) => [
        name,
        { calls_per_hour: own.total_calls_per_hour, minutes_per_day: own.total_minutes_per_day },
      ]),
    ),
  });
  const records = new CallRecords(
    { ...deps, log: deps.log.child('calls'), records: deps.store.namespace(CALLS_NAMESPACE), budgets },
    { limit: limits.call_records, days: limits.call_record_days, numbers: limits.record_numbers },
  );
  return { budgets, records, pins: new PinGate(deps.clock, pins) };
}

export function poolOf(opened: readonly OpenedLine[], budgets: Budgets, dialPlan: Config['dial_plan']): LinePool {
  const desks = opened.map(
    ({ line, config }) => new LineDesk({ line, budgets, plan: numberPlan(config.country) }, { line: config, dialPlan }),
  );
  return new LinePool(desks);
}

/** How numbers dialled on phones are read: by the country of the dial plan, else of the first line. */
export function dialledContext(
  { dial_plan: dialPlan, lines }: Pick<Config, 'dial_plan' | 'lines'>,
  overlay: { readonly overlay: string; readonly pstnDomain: string },
): DialledContext {
  const country = dialPlan.country ?? lines[0]?.country ?? 'US';
  const codes = lines.flatMap(({ dial }) => [dial.access, dial.emergency_access ?? '']);
  return {
    ...overlay,
    plan: numberPlan(country),
    shortNumbers: [...dialPlan.short_numbers, ...lines.flatMap((line) => line.access_number ?? [])],
    areaCode: lines.find((line) => line.country === country && line.area_code !== undefined)?.area_code,
    accessCodes: [...new Set(codes.map((code) => code.replace(/\D/g, '')))].filter((code) => code !== ''),
    emergencyTests: dialPlan.emergency_test_numbers,
  };
}
