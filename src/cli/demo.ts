import { runDemo } from '#demo/demo.ts';
import type { DemoReport, PeerLost } from '#demo/report.ts';
import { systemRandom } from '#platform/random.ts';

export interface DemoCommandOptions {
  readonly json?: boolean;
}

export interface DemoCommandDeps {
  readonly program: string;
  readonly print: (line: string) => void;
  /** Aborts when the process is told to end. */
  readonly signal: AbortSignal;
}

/** `copperring demo`: false when not all of it held. */
export async function demoCommand(deps: DemoCommandDeps, options: DemoCommandOptions): Promise<boolean> {
  const startedAt = performance.now();
  const seconds = () => ((performance.now() - startedAt) / 1000).toFixed(1).padStart(5);
  const report = await runDemo({
    ...deps,
    random: systemRandom,
    progress: (what) => deps.print(`${seconds()} s  ${what}`),
  });
  deps.print(`${seconds()} s  done`);
  for (const line of reportLines(report)) deps.print(line);
  if (options.json) deps.print(JSON.stringify(report));
  return report.ok;
}

function reportLines({ discovery, outbound, inbound, ...report }: DemoReport): readonly string[] {
  return [
    '',
    `phone            ${report.phone}`,
    `ring             ${report.peers} peers`,
    `discovery        ${discovery.namespace} leads to node ${discovery.nodeId} in ${discovery.ms} ms`,
    `call out         INVITE to dialling in ${outbound.setupMs} ms; ${sound(outbound)}`,
    `digits           the phone sent ${outbound.dtmfSent}, the exchange heard ${outbound.dtmf}`,
    `call in          from ${inbound.callerId}; ${sound(inbound)}`,
    `peer killed      ${loss(report.peerKilled)}`,
    `peer stopped     ${loss(report.peerStopped)}`,
    `gateway restart  ${report.gatewayRestart.sameNodeId ? 'same node' : 'ANOTHER NODE'}, found again after ${report.gatewayRestart.rediscoveredMs} ms`,
    '',
    ...(report.ok ? ['All of it held.'] : report.faults.map((fault) => `FAULT: ${fault}`)),
  ];
}

function sound(call: DemoReport['inbound'] | DemoReport['outbound']): string {
  const hz = (value: number) => `${Math.round(value)} Hz`;
  return (
    `the exchange sent ${hz(call.lineSentHz)} and the phone heard ${hz(call.phoneHeardHz)}, ` +
    `the phone sent ${hz(call.phoneSentHz)} and the exchange heard ${hz(call.lineHeardHz)}`
  );
}

function loss({ callSurvived, records, recordsLost, recoveredMs }: PeerLost): string {
  const call = callSurvived ? 'the call went on' : 'THE CALL WAS LOST';
  return `${call}; ${records} records, ${recordsLost} fetches failed; whole again after ${recoveredMs} ms`;
}
