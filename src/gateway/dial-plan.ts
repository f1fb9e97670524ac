import type { Config } from '#config/schema.ts';
import type { Dialled } from '#gateway/dialled.ts';
import type { NumberPlan } from '#gateway/number-plan.ts';

export type DialPlan = Config['dial_plan'];

/** What a caller used up so far. */
export interface Usage {
  readonly callsLastHour: number;
  readonly minutesLastDay: number;
}

export interface DialQuestion {
  /** The authenticated user name; never taken from a header. */
  readonly caller: string;
  readonly dialled: Extract<Dialled, { kind: 'number' | 'emergency' | 'short' }>;
  readonly usage: Usage;
}

export type DialDecision =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly status: number; readonly phrase: string; readonly why: string };

/** Whether a caller may use the line for a number. Denies by default. */
export function decide(question: DialQuestion, dialPlan: DialPlan, plan: NumberPlan): DialDecision {
  const { caller, dialled, usage } = question;
  if (dialled.kind === 'emergency') {
    return dialPlan.emergency
      ? { allowed: true }
      : deny('Emergency Calls Not Served', 'emergency calls are not enabled');
  }
  const rules = dialPlan.allow.filter(({ callers }) => callers.some((pattern) => covers(pattern, caller)));
  const e164 = dialled.kind === 'number' ? dialled.e164 : undefined;
  // Short numbers were listed one by one: whoever may use the line may dial them.
  const isCovered = rules.some(({ prefixes }) => e164 === undefined || prefixes.some((p) => e164.startsWith(p)));
  if (!isCovered) return deny('Not Allowed', 'no rule of the dial plan lets this caller dial this number');
  return tariff(e164, dialPlan, plan) ?? budget(usage, dialPlan) ?? { allowed: true };
}

function tariff(e164: string | undefined, dialPlan: DialPlan, plan: NumberPlan): DialDecision | undefined {
  if (e164 === undefined) return undefined;
  if (!dialPlan.international && !e164.startsWith(`+${plan.callingCode}`)) {
    return deny('International Calls Not Allowed', 'international calls are not enabled');
  }
  if (!dialPlan.premium && plan.premium.some((prefix) => e164.startsWith(prefix))) {
    return deny('Premium Numbers Not Allowed', 'premium numbers are not enabled');
  }
  return undefined;
}

function budget(usage: Usage, dialPlan: DialPlan): DialDecision | undefined {
  if (usage.callsLastHour >= dialPlan.calls_per_hour) {
    return deny('Call Limit Reached', `the caller had ${usage.callsLastHour} calls within the last hour`);
  }
  if (usage.minutesLastDay >= dialPlan.minutes_per_day) {
    return deny('Time Limit Reached', `the caller talked for ${Math.floor(usage.minutesLastDay)} minutes within a day`);
  }
  return undefined;
}

function covers(pattern: string, caller: string): boolean {
  if (pattern === '*') return true;
  return pattern.startsWith('*@') ? caller.endsWith(pattern.slice(1)) : pattern === caller;
}

function deny(phrase: string, why: string): DialDecision {
  return { allowed: false, status: 403, phrase, why };
}
