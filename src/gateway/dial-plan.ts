import type { LineConfig } from '#config/line.ts';
import type { Config } from '#config/schema.ts';
import type { Dialled } from '#gateway/dialled.ts';
import { isAbroad, isPremium, type NumberPlan } from '#gateway/number-plan.ts';

export type DialPlan = Config['dial_plan'];
export type Diallable = Extract<Dialled, { kind: 'number' | 'emergency' | 'short' }>;

/** What one line lets callers do. */
export type LinePolicy = Pick<
  DialPlan,
  'allow' | 'deny' | 'international' | 'premium' | 'emergency' | 'minutes_per_call'
>;

export interface DialQuestion {
  /** The authenticated user name; never taken from a header. */
  readonly caller: string;
  readonly dialled: Diallable;
}

export interface Denial {
  readonly allowed: false;
  readonly status: number;
  readonly phrase: string;
  readonly why: string;
  /** When it is worth asking again. */
  readonly retryAfterSeconds?: number;
}

export type DialDecision = { readonly allowed: true } | Denial;

/** The plan of the whole gateway with what one line has of its own. */
export function policyOf(dialPlan: DialPlan, line: LineConfig['dial_plan']): LinePolicy {
  return {
    allow: line.allow ?? dialPlan.allow,
    deny: [...dialPlan.deny, ...line.deny],
    international: line.international ?? dialPlan.international,
    premium: line.premium ?? dialPlan.premium,
    emergency: line.emergency ?? dialPlan.emergency,
    minutes_per_call: line.minutes_per_call ?? dialPlan.minutes_per_call,
  };
}

export const NO_EMERGENCY: Denial = deny(
  'Emergency Calls Not Served, Use Another Telephone',
  'emergency calls are not enabled',
);

/** Whether a caller may use the line for a number. Denies by default. */
export function decide({ caller, dialled }: DialQuestion, policy: LinePolicy, plan: NumberPlan): DialDecision {
  if (dialled.kind === 'emergency') return policy.emergency ? { allowed: true } : NO_EMERGENCY;
  const rules = policy.allow.filter(({ callers }) => callers.some((pattern) => covers(pattern, caller)));
  const e164 = dialled.kind === 'number' ? dialled.e164 : undefined;
  // Short numbers were listed one by one: whoever may use the line may dial them.
  const isCovered = rules.some(({ prefixes }) => e164 === undefined || prefixes.some((p) => e164.startsWith(p)));
  if (!isCovered) return deny('Not Allowed', 'no rule of the dial plan lets this caller dial this number');
  if (e164 === undefined) return { allowed: true };
  if (policy.deny.some((prefix) => e164.startsWith(prefix))) {
    return deny('Not Allowed', 'the dial plan denies this number to everyone');
  }
  return tariff(e164, policy, plan);
}

function tariff(e164: string, policy: LinePolicy, plan: NumberPlan): DialDecision {
  if (!policy.international && isAbroad(e164, plan)) {
    return deny('International Calls Not Allowed', 'international calls are not enabled');
  }
  if (!policy.premium && isPremium(e164)) {
    return deny('Premium Numbers Not Allowed', 'premium numbers are not enabled');
  }
  return { allowed: true };
}

function covers(pattern: string, caller: string): boolean {
  // Every member; who entered a PIN is none.
  if (pattern === '*') return !caller.startsWith('pin:');
  return pattern.startsWith('*@') ? caller.endsWith(pattern.slice(1)) : pattern === caller;
}

function deny(phrase: string, why: string): Denial {
  return { allowed: false, status: 403, phrase, why };
}
