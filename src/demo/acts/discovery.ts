import type { DemoReport } from '#demo/report.ts';
import type { Member, Scene } from '#demo/scene.ts';
import { Failure } from '#platform/failure.ts';

interface Found {
  readonly namespace: string;
  readonly nodeId: string;
  readonly ms: number;
}

/** Finds the gateway by number, asking the overlay from another peer. */
export async function discover(scene: Scene, from: Member, number: string): Promise<DemoReport['discovery']> {
  const found = await tryDiscover(scene, from, number);
  if (!found) {
    throw new Failure({ code: 'not-found' }, `${from.name} found no gateway for ${number} in the overlay`);
  }
  return { namespace: found.namespace, nodeId: found.nodeId, ms: found.ms };
}

export async function tryDiscover(scene: Scene, from: Member, number: string): Promise<Found | undefined> {
  return ((await scene.ask(from, { command: 'discover', number })) ?? undefined) as Found | undefined;
}
