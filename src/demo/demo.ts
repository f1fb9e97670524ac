import { discover } from '#demo/acts/discovery.ts';
import { restartGateway } from '#demo/acts/gateway-restart.ts';
import { hangUpFromLine, ringIn } from '#demo/acts/inbound.ts';
import { callOut } from '#demo/acts/outbound.ts';
import { losePeer } from '#demo/acts/peer-lost.ts';
import { draw } from '#demo/draw.ts';
import { type DemoReport, faultsOf } from '#demo/report.ts';
import { Scene } from '#demo/scene.ts';
import type { Random } from '#platform/random.ts';

export interface DemoDeps {
  readonly random: Random;
  /** This program's own file: every process of the demo runs it. */
  readonly program: string;
  /** Told what happens, a line each. */
  readonly progress: (what: string) => void;
  readonly signal: AbortSignal;
}

/** Builds the scene, plays all acts and reports what was measured. Rejects when an act could not be played at all. */
export async function runDemo(deps: DemoDeps): Promise<DemoReport> {
  const drawn = draw(deps.random);
  const scene = new Scene(deps, drawn);
  const aborted = new Promise<never>((_, reject) => {
    deps.signal.addEventListener('abort', () => reject(deps.signal.reason), { once: true });
  });
  let report: DemoReport | undefined;
  try {
    report = await Promise.race([play(scene, deps, drawn), aborted]);
    return report;
  } finally {
    const keep = report?.ok !== true && !deps.signal.aborted;
    const directory = await scene.end(keep);
    if (keep) deps.progress(`logs and states of all processes are in ${directory}`);
  }
}

async function play(scene: Scene, { progress }: DemoDeps, drawn: ReturnType<typeof draw>): Promise<DemoReport> {
  await scene.build();
  const peers = scene.ring.length;
  progress(`(a) a peer looks for a gateway to ${drawn.called}`);
  const discovery = await discover(scene, scene.member('peer2'), drawn.called);
  progress(`(b) ${scene.phone.program} dials ${drawn.called}`);
  const outbound = await callOut(scene, drawn);
  progress(`(c) ${drawn.caller} rings the line`);
  const inbound = await hangUpFromLine(scene, await ringIn(scene, drawn));
  progress('(d) a peer is killed during a call');
  const peerKilled = await losePeer(scene, drawn, 'SIGKILL');
  progress('(d) a peer is stopped during a call');
  const peerStopped = await losePeer(scene, drawn, 'SIGSTOP');
  progress('(e) the gateway is restarted');
  const gatewayRestart = await restartGateway(scene, drawn.called);
  const measured = {
    phone: scene.phone.program,
    peers,
    discovery,
    outbound,
    inbound,
    peerKilled,
    peerStopped,
    gatewayRestart,
  };
  const faults = faultsOf(measured, { ...drawn, gateway: scene.member('gateway').nodeId });
  return { ok: faults.length === 0, faults, ...measured };
}
