import { ringTarget } from '../ring/target.ts';
import type { Target } from '../target.ts';
import { cellularTargets } from './cellular.ts';
import { gatewayTargets } from './gateway.ts';
import { lineSoundTargets } from './line-sound.ts';
import { localTargets } from './local.ts';
import { numberTargets } from './numbers.ts';
import { overlayTargets } from './overlay.ts';
import { serviceTargets } from './services.ts';
import { sipTargets } from './sip.ts';
import { soundTargets } from './sound.ts';
import { wireTargets } from './wire.ts';

/** Every target; making them takes a moment, since certificates and documents are signed for them. */
export async function allTargets(): Promise<readonly Target[]> {
  return [...(await parserTargets()), await ringTarget()];
}

export async function parserTargets(): Promise<readonly Target[]> {
  return [
    ...wireTargets(),
    ...(await overlayTargets()),
    ...sipTargets(),
    ...soundTargets(),
    ...lineSoundTargets(),
    ...cellularTargets(),
    ...localTargets(),
    ...gatewayTargets(),
    ...numberTargets(),
    ...serviceTargets(),
  ];
}

export async function targetNamed(name: string): Promise<Target | undefined> {
  return name === 'ring' ? ringTarget() : (await parserTargets()).find((target) => target.name === name);
}
