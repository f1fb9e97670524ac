import type { Target } from '../target.ts';
import { wireTargets } from './wire.ts';

/** Every target; making them takes a second, since certificates and documents are signed for them. */
export async function allTargets(): Promise<readonly Target[]> {
  return [...wireTargets()];
}

export async function targetNamed(name: string): Promise<Target | undefined> {
  return (await allTargets()).find((target) => target.name === name);
}
