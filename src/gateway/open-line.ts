import type { LineConfig } from '#config/line.ts';
import type { Clock } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { Line } from '#pstn/line.ts';
import { ModemLine, type ModemLineDeps } from '#pstn/modem/modem-line.ts';
import { loadProfiles, profileNamed } from '#pstn/modem/profiles/load.ts';

export interface OpenLineDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** This program's own file. */
  readonly program: string;
}

export interface OpenedLine {
  readonly config: LineConfig;
  readonly line: Line;
  /** Ends the emulator, where there is one. */
  close(): Promise<void>;
}

/** Opens lines one after the other; when one can't be opened those before are closed again. */
export async function openLines(deps: OpenLineDeps, configs: readonly LineConfig[]): Promise<readonly OpenedLine[]> {
  const opened: OpenedLine[] = [];
  try {
    for (const config of configs) opened.push(await openLine(deps, config));
    return opened;
  } catch (thrown) {
    await Promise.allSettled(opened.map(({ close }) => close()));
    throw thrown;
  }
}

/** A line of the configuration: a modem on a serial device, or an emulated one in a process of its own. */
async function openLine(deps: OpenLineDeps, config: LineConfig): Promise<OpenedLine> {
  const { path, close } = await deviceOf(deps, config);
  const { name, country, baud_rate: baudRate, dial_seconds: dialSeconds, silence_seconds: silenceSeconds } = config;
  const profiles = await loadProfiles(config.profiles);
  const line = new ModemLine(await modemDeps(deps, config), {
    name,
    path,
    country,
    baudRate,
    dialTimeoutMs: dialSeconds * 1000,
    profiles,
    ...(config.profile === undefined ? {} : { profile: profileNamed(profiles, config.profile) }),
    ...(silenceSeconds === undefined ? {} : { silenceSeconds }),
  });
  return { config, line, close };
}

/** With a transcript, if one is wanted. */
async function modemDeps({ clock, log }: OpenLineDeps, { name, transcript }: LineConfig): Promise<ModemLineDeps> {
  if (transcript === undefined) return { clock, log };
  const [{ openTranscript }, { openSerialPort }] = await Promise.all([
    import('#pstn/transcript/transcript-file.ts'),
    import('#pstn/modem/serial-port.ts'),
  ]);
  const failed = (reason: string) => log.warn('the transcript of the modem cannot be written', { line: name, reason });
  const recorder = openTranscript({ clock, failed }, transcript, { program: `copperring run, line ${name}` });
  return { clock, log, openPort: recorder.listeningTo(openSerialPort) };
}

async function deviceOf(deps: OpenLineDeps, config: LineConfig): Promise<{ path: string; close(): Promise<void> }> {
  if (config.device !== undefined) return { path: config.device, close: async () => {} };
  if (!config.emulated) throw new Failure({ code: 'no-device' }, 'the line has no device; set line.device');
  // Loaded here, since a gateway with a real modem never needs it.
  const { LineEmulator } = await import('#pstn/emulator/client.ts');
  const emulator = await LineEmulator.start(deps, { program: deps.program, country: config.country });
  deps.log.info('this line is emulated', { line: config.name, device: emulator.path });
  return { path: emulator.path, close: () => emulator.stop() };
}
