import type { LineConfig } from '#config/line.ts';
import type { Clock } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { CellularLineDeps, CellularLineOptions } from '#pstn/cellular/cellular-line.ts';
import type { Line } from '#pstn/line.ts';
import { ModemLine } from '#pstn/modem/modem-line.ts';
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

/** A line of the configuration: a modem on a serial device, a cellular module on two, or an emulated one in a process of its own. */
async function openLine(deps: OpenLineDeps, config: LineConfig): Promise<OpenedLine> {
  const { name, country, baud_rate: baudRate, dial_seconds: dialSeconds, silence_seconds: silenceSeconds } = config;
  const profiles = await loadProfiles(config.profiles);
  const forced = config.profile === undefined ? {} : { profile: profileNamed(profiles, config.profile) };
  const device = await deviceOf(deps, config);
  const transcript = config.transcript === undefined ? undefined : await transcriptOf(deps, name, config.transcript);
  const lineDeps = { clock: deps.clock, log: deps.log, ...(transcript ? { openPort: transcript.openPort } : {}) };
  const options = {
    name,
    path: device.path,
    baudRate,
    dialTimeoutMs: dialSeconds * 1000,
    profiles,
    ...forced,
    ...(silenceSeconds === undefined ? {} : { silenceSeconds }),
  };
  const line =
    config.audio_device === undefined
      ? new ModemLine(lineDeps, { ...options, country })
      : await cellularLine(lineDeps, { ...options, audioPath: config.audio_device });
  const close = async () => {
    await transcript?.close();
    await device.close();
  };
  return { config, line, close };
}

/** Loaded here, since most gateways have none. */
async function cellularLine(deps: CellularLineDeps, options: CellularLineOptions): Promise<Line> {
  const { CellularLine } = await import('#pstn/cellular/cellular-line.ts');
  return new CellularLine(deps, options);
}

/** Everything that is said to the modem and by it, in a file. */
async function transcriptOf({ clock, log }: OpenLineDeps, line: string, file: string) {
  const [{ openTranscript }, { openSerialPort }] = await Promise.all([
    import('#pstn/transcript/transcript-file.ts'),
    import('#pstn/modem/serial-port.ts'),
  ]);
  const failed = (reason: string) => log.warn('the transcript of the modem cannot be written', { line, reason });
  const { recorder, close } = openTranscript({ clock, failed }, file, { program: `copperring run, line ${line}` });
  return { openPort: recorder.listeningTo(openSerialPort), close };
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
