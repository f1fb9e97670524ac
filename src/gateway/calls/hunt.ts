import { decided, type Ending, stopped } from '#gateway/call-end.ts';
import type { LineCaller } from '#gateway/calls/line-caller.ts';
import { type RingPhonesDeps, type Rung, ringPhones } from '#gateway/calls/ring-phones.ts';
import type { RingPlan, RingStage } from '#gateway/calls/ring-plan.ts';
import { type Clock, delay } from '#platform/clock.ts';

export interface HuntDeps extends RingPhonesDeps {
  readonly clock: Clock;
}

export interface Hunt {
  readonly caller: LineCaller;
  readonly plan: RingPlan;
  readonly pstnDomain: string;
  /** Aborts when somebody tells the call to end. */
  readonly hangUp: AbortSignal;
  /** Seconds after which nobody is rung any more, whatever the plan has left. */
  readonly atMostSeconds: number | undefined;
}

/** Rings stage by stage until a phone answers; a stage in which everybody is busy or absent gives way at once. Never rejects. */
export async function hunt(deps: HuntDeps, { caller, plan, pstnDomain, hangUp, atMostSeconds }: Hunt): Promise<Rung> {
  const whole = timer(deps.clock, atMostSeconds);
  const over = (): Ending => {
    if (caller.gone.aborted) return caller.goneBy();
    return hangUp.aborted ? stopped(hangUp.reason) : decided('phone: nobody answered');
  };
  const gone = AbortSignal.any([caller.gone, hangUp, whole.signal]);
  let nobody = decided(plan.stages.length === 0 ? 'line: rang in vain' : 'phone: none is registered');
  try {
    await delay(deps.clock, plan.delaySeconds * 1000, gone).catch(() => {});
    for (const stage of plan.stages) {
      if (gone.aborted) break;
      const rung = await ringStage(deps, stage, { callerId: caller.callerId, pstnDomain, signal: gone, over });
      if ('phone' in rung) return rung;
      nobody = moreTelling(nobody, rung.nobody);
    }
  } finally {
    whole.cancel();
  }
  return { nobody: gone.aborted ? over() : nobody };
}

async function ringStage(
  deps: HuntDeps,
  { users, seconds }: RingStage,
  call: Omit<Parameters<typeof ringPhones>[1], 'users'>,
): Promise<Rung> {
  const stage = timer(deps.clock, seconds);
  try {
    return await ringPhones(deps, { ...call, users, signal: AbortSignal.any([call.signal, stage.signal]) });
  } finally {
    stage.cancel();
  }
}

/** A phone that rang in vain says more than one that is busy, and that more than none at all. */
function moreTelling(former: Ending, latter: Ending): Ending {
  const weight = ({ cause }: Ending) => (cause === 20 ? 0 : cause === 17 ? 1 : 2);
  return weight(latter) >= weight(former) ? latter : former;
}

/** A signal that aborts after so many seconds; never, when undefined. */
function timer(clock: Clock, seconds: number | undefined): { readonly signal: AbortSignal; cancel(): void } {
  const controller = new AbortController();
  if (seconds === undefined) return { signal: controller.signal, cancel: () => {} };
  const running = clock.after(seconds * 1000, () => controller.abort(new Error('nobody answered')));
  return { signal: controller.signal, cancel: () => running.cancel() };
}
