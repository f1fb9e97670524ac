import { tryDiscover } from '#demo/acts/discovery.ts';
import type { DemoReport } from '#demo/report.ts';
import type { Scene } from '#demo/scene.ts';

const REDISCOVERY_MS = 15_000;
const RETRY_MS = 100;

/** Stops the gateway and starts it again: it has to be the same node, and to be found again. */
export async function restartGateway(scene: Scene, number: string): Promise<DemoReport['gatewayRestart']> {
  const gateway = scene.member('gateway');
  await gateway.child.stop();
  const startedAt = performance.now();
  const [nodeId] = await Promise.all([rediscovered(scene, number), scene.restart(gateway)]);
  return { sameNodeId: nodeId.found === gateway.nodeId, rediscoveredMs: Math.round(nodeId.at - startedAt) };
}

/** Asks from another node until the gateway is found, or time is up. While it is away the answer may be an error as well. */
async function rediscovered(scene: Scene, number: string): Promise<{ found: string | undefined; at: number }> {
  const deadline = performance.now() + REDISCOVERY_MS;
  for (;;) {
    const found = await tryDiscover(scene, scene.member('client'), number).catch(() => undefined);
    if (found || performance.now() > deadline) return { found: found?.nodeId, at: performance.now() };
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
