import type { LineConfig } from '#config/line.ts';

/** One step of a hunt: who rings, how, and for how long before the next step comes. */
export interface RingStage {
  readonly users: readonly string[];
  /** `in-turn`: one after the other, each for `seconds`. */
  readonly order: 'together' | 'in-turn';
  readonly seconds: number;
}

export interface RingPlan {
  readonly stages: readonly RingStage[];
  /** Called over another line when nobody answered; E.164. */
  readonly lastResort: string | undefined;
  /** Seconds in which only the telephones on the line ring. */
  readonly delaySeconds: number;
}

/** `rings` first, then the stages of `[[line.ring]]`, those in turn taken apart. */
export function ringPlan(config: LineConfig): RingPlan {
  const { rings, ring_seconds: seconds, ring, last_resort: lastResort, ring_delay_seconds: delaySeconds } = config;
  const first: RingStage[] = rings.length === 0 ? [] : [{ users: rings, order: 'together', seconds }];
  return { stages: [...first, ...ring].flatMap(stepsOf), lastResort, delaySeconds };
}

function stepsOf(stage: RingStage): readonly RingStage[] {
  if (stage.order === 'together') return [stage];
  return stage.users.map((user) => ({ ...stage, users: [user], order: 'together' }));
}

/** Everybody the plan names, once. */
export function usersOf({ stages }: RingPlan): readonly string[] {
  return [...new Set(stages.flatMap(({ users }) => users))];
}
