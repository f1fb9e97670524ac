import type { PinGate } from '#gateway/calls/pin-gate.ts';
import type { StagedCall } from '#gateway/calls/staged-call.ts';
import type { Diallable } from '#gateway/dial-plan.ts';
import type { LineDesk } from '#gateway/line-desk.ts';
import type { LinePool } from '#gateway/line-pool.ts';

export interface StagesDeps {
  readonly lines: LinePool;
  readonly pins?: PinGate;
}

/**
 * Whether a call by SIP has to be answered before it is dialled: because it is for a line's own dial tone, which the owner has
 * switched on, or because only a PIN lets its caller dial the number. Undefined for every other call.
 */
export function stagesOf(
  { lines, pins }: StagesDeps,
  { caller, dialled, callee }: { readonly caller: string; readonly dialled: Diallable; readonly callee: string },
): StagedCall | undefined {
  const access = lines.desks.find((desk) => givesDialTone(desk, dialled));
  const choice = lines.choose({ caller, dialled });
  const isRefused = choice.kind === 'refused';
  if (isRefused && byPin(lines, pins, dialled) !== 'free') return undefined;
  const desk = access ?? lines.hunt(dialled)[0];
  // A busy line says so before the call is answered.
  if (desk === undefined || (access === undefined ? !isRefused : choice.kind === 'busy')) return undefined;
  return { caller, callee, needsPin: isRefused, dialled: access === undefined ? dialled : undefined, desk };
}

function givesDialTone({ config }: LineDesk, dialled: Diallable): boolean {
  if (dialled.kind === 'short') return dialled.digits === config.access_number;
  return dialled.kind === 'number' && config.two_stage && dialled.e164 === config.number;
}

/** What a PIN would change for a member that no rule lets call a number: `busy` when it would if a line were free. */
export function byPin(lines: LinePool, pins: PinGate | undefined, dialled: Diallable): 'free' | 'busy' | 'refused' {
  const identities = pins?.identitiesOf('members') ?? [];
  const kinds = identities.map((caller) => lines.choose({ caller, dialled }).kind);
  if (kinds.includes('free')) return 'free';
  return kinds.includes('busy') ? 'busy' : 'refused';
}
