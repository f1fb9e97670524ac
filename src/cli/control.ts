import { loadConfig, stateDirectory } from '#config/load.ts';
import { printHostPort } from '#config/values.ts';
import { controlPath, controlRequest } from '#gateway/control.ts';
import type { Discovery, OverlaySide } from '#gateway/overlay-side.ts';
import type { PlacedCall } from '#gateway/place-call.ts';
import type { Status } from '#gateway/status.ts';

export interface ControlOptions {
  readonly config?: string;
  readonly state?: string;
  readonly json?: boolean;
}

export interface ControlDeps {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly print: (line: string) => void;
}

/** `copperring status`. */
export async function statusCommand(deps: ControlDeps, options: ControlOptions): Promise<void> {
  const status = (await ask(deps, options, { command: 'status' })) as Status;
  if (options.json) deps.print(JSON.stringify(status));
  else for (const line of statusLines(status)) deps.print(line);
}

/** `copperring discover NUMBER`: false when there is no gateway. */
export async function discoverCommand(
  deps: ControlDeps,
  number: string | undefined,
  options: ControlOptions,
): Promise<boolean> {
  const found = (await ask(deps, options, { command: 'discover', number })) as Discovery | undefined;
  if (options.json) deps.print(JSON.stringify(found ?? null));
  else if (!found) deps.print(`no gateway for ${number ?? 'any number'} was found`);
  else
    deps.print(
      `${found.userName} serves ${found.prefix}, node ${found.nodeId}, ${found.namespace}, found in ${found.ms} ms`,
    );
  return found !== undefined;
}

/** `copperring discover --service voice-mail`: false when nobody offers it. */
export async function discoverServiceCommand(
  deps: ControlDeps,
  service: string,
  options: ControlOptions,
): Promise<boolean> {
  const found = (await ask(deps, options, { command: 'services', service })) as Awaited<
    ReturnType<OverlaySide['voiceMailNodes']>
  >;
  if (options.json) deps.print(JSON.stringify(found));
  else if (found.length === 0) deps.print(`nobody offers ${service}`);
  else {
    for (const { userName, nodeId, trusted } of found) {
      deps.print(`${userName}, node ${nodeId}${trusted ? '' : '; not vouched for by the operator, and not used'}`);
    }
  }
  return found.length > 0;
}

export interface CallCommandOptions extends ControlOptions {
  readonly seconds?: string;
  readonly tone?: string;
  readonly digits?: string;
}

/** `copperring call TARGET`: calls as the running node's own user. */
export async function callCommand(deps: ControlDeps, to: string, options: CallCommandOptions): Promise<void> {
  const request = {
    command: 'call',
    to,
    digits: options.digits,
    ...(options.seconds === undefined ? {} : { seconds: Number(options.seconds) }),
    ...(options.tone === undefined ? {} : { tone: Number(options.tone) }),
  };
  const call = (await ask(deps, options, request)) as PlacedCall;
  if (options.json) return deps.print(JSON.stringify(call));
  const heard = call.heardHz === undefined ? 'heard nothing' : `heard ${Math.round(call.heardHz)} Hz`;
  deps.print(
    `${to} answered after ${call.setupMs} ms; ${heard}; ended after ${call.seconds.toFixed(1)} s (${call.end})`,
  );
}

async function ask(deps: ControlDeps, options: ControlOptions, request: object): Promise<unknown> {
  return controlRequest(controlPath(await stateOf(deps, options)), request);
}

/** The state directory that the options or the environment name. */
export async function stateOf({ environment }: ControlDeps, { config, state }: ControlOptions): Promise<string> {
  if (state !== undefined) return state;
  if (config !== undefined) return stateDirectory(await loadConfig(config, environment), environment);
  return stateDirectory({ state: environment.COPPERRING_STATE }, environment);
}

const WAYS = {
  cached: 'a peer known from before',
  listed: 'a listed bootstrap node',
  multicast: 'a peer found by multicast',
  'dns-sd': 'a peer found by DNS-SD',
  founded: 'none: this node began the ring',
} as const;

function statusLines(status: Status): readonly string[] {
  const { node, phones, voiceMail, calls, mqtt, sip, bootstrap, enrollment } = status;
  const lines = [
    `roles     ${status.roles.join(', ')}; up ${status.uptimeSeconds} s, ${status.memoryMb} MB, loop delay ${status.loopDelayP99Ms} ms, state ${status.state}`,
  ];
  if (node) {
    const away = node.exit === undefined ? 'not joined' : `left for good (${node.exit})`;
    const joined = node.joined ? 'joined' : away;
    lines.push(
      `overlay   ${node.overlay}: ${joined} as ${node.userName}, node ${node.nodeId}, ${node.links.length} links, ${node.records} records`,
    );
  }
  if (node?.entrance) {
    const { way, address, port } = node.entrance;
    lines.push(
      `entrance  ${WAYS[way]}${address === undefined ? '' : `, ${printHostPort({ host: address, port: port ?? 0 })}`}`,
    );
  }
  for (const { user, state, notAfter, renewAt, reason } of status.credentials) {
    const next = renewAt === undefined ? '' : `, renewed on ${new Date(renewAt).toISOString().slice(0, 10)}`;
    const why = reason === undefined ? '' : `; latest renewal failed: ${reason}`;
    lines.push(`identity  ${user}: certificate ${state}, until ${new Date(notAfter).toISOString()}${next}${why}`);
  }
  if (bootstrap !== undefined) lines.push(`bootstrap ${bootstrap}`);
  if (enrollment !== undefined) lines.push(`enroll    ${enrollment}`);
  if (sip !== undefined) lines.push(`sip       ${sip}`);
  for (const line of status.lines) {
    const detail = 'reason' in line ? line.reason : 'modem' in line ? line.modem : '';
    const kind = line.emulated ? ' (emulated)' : '';
    const profile = line.traits ? `, profile ${line.traits.profile}, ${line.traits.duplex} duplex` : '';
    const signal = line.traits?.signalDbm === undefined ? '' : `, ${line.traits.signalDbm} dBm`;
    lines.push(
      `line      ${line.name}${kind}: ${line.state} ${detail}${profile}${signal}; ${line.published ? 'published' : 'not published'}`,
    );
  }
  for (const { user, registered, published } of phones) {
    lines.push(`phone     ${user}: ${registered ? 'registered' : 'not registered'}${published ? ', published' : ''}`);
  }
  for (const { user, new: fresh, old } of voiceMail?.mailboxes ?? []) {
    lines.push(`mailbox   ${user}: ${fresh} new, ${old} heard${voiceMail?.published ? '; published' : ''}`);
  }
  for (const call of calls)
    lines.push(
      `call ${call.id}    ${call.caller} -> ${call.callee}: ${call.state}${call.answer === 'inferred' ? ' (inferred)' : ''}, ${call.seconds} s`,
    );
  if (mqtt !== undefined) lines.push(`mqtt      ${mqtt}`);
  return lines;
}
