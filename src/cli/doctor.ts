import { access } from 'node:fs/promises';
import { doctorLines } from '#cli/doctor-print.ts';
import { loadConfig } from '#config/load.ts';
import type { Clock } from '#platform/clock.ts';
import type { CountryCode } from '#platform/country-code.ts';
import { Failure } from '#platform/failure.ts';
import { silentLogger } from '#platform/log.ts';
import { CellularLine } from '#pstn/cellular/cellular-line.ts';
import { countries } from '#pstn/countries.ts';
import { explainAccess, hindrances, serialDevices, usbIds } from '#pstn/doctor/access.ts';
import { callTrial } from '#pstn/doctor/call-trial.ts';
import { capabilityOf } from '#pstn/doctor/capability.ts';
import { examine } from '#pstn/doctor/examine.ts';
import type { CallTrial, LineReport, Problem } from '#pstn/doctor/report.ts';
import { LineEmulator } from '#pstn/emulator/client.ts';
import { linkBytesPerSecond } from '#pstn/modem/link.ts';
import { ModemLine } from '#pstn/modem/modem-line.ts';
import { loadProfiles, profileNamed } from '#pstn/modem/profiles/load.ts';
import { type OpenSerial, openSerialPort } from '#pstn/modem/serial-port.ts';
import { openTranscript, type Transcript } from '#pstn/transcript/transcript-file.ts';

/** As they stand on the command line. */
export interface DoctorOptions {
  readonly line?: boolean;
  readonly config?: string;
  /** Which line of the configuration. */
  readonly name?: string;
  readonly device?: string;
  readonly country?: string;
  readonly profile?: string;
  readonly record?: string;
  readonly call?: string;
  readonly unmasked?: boolean;
  readonly json?: boolean;
}

export interface DoctorDeps {
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly program: string;
  readonly print: (line: string) => void;
  /** Says what is going on; not part of the report. */
  readonly progress: (line: string) => void;
}

interface DoctorFault {
  readonly code: 'no-device' | 'no-such-line' | 'bad-option';
}

/** What is to be examined. */
interface Subject {
  readonly path: string;
  readonly emulated: boolean;
  readonly baudRate: number;
  readonly country: CountryCode;
  readonly profile: string | undefined;
  readonly profiles: string | undefined;
  /** Of a cellular module. */
  readonly audioPath: string | undefined;
  close(): Promise<void>;
}

const VERSION = '0.1.0';
const USUAL_CONFIG = '/etc/copperring/copperring.toml';
const USUAL_DEVICE = '/dev/copperring-line';
/** Sound kept of each stream in a transcript: half a second of dial tone. */
const KEPT_SOUND = 4000;

/** `copperring doctor --line`: false when the line can't be used. Rejects with `Failure<DoctorFault>` when it is not said what to look at. */
export async function doctorCommand(deps: DoctorDeps, options: DoctorOptions): Promise<boolean> {
  if (!options.line) throw failure('bad-option', 'say what to look at: --line is the telephone line');
  const subject = await subjectOf(deps, options);
  try {
    const report = await lineReport(deps, options, subject);
    if (options.json) deps.print(JSON.stringify(report));
    else for (const line of doctorLines(report)) deps.print(line);
    return report.usable;
  } finally {
    await subject.close();
  }
}

async function lineReport(deps: DoctorDeps, options: DoctorOptions, subject: Subject): Promise<LineReport> {
  const { path, emulated } = subject;
  const transcript = options.record === undefined ? undefined : transcriptOf(deps, options, options.record);
  try {
    const openPort = transcript?.recorder.listeningTo(openSerialPort) ?? openSerialPort;
    const { found, call } = await examineAndCall(deps, options, subject, openPort);
    transcript?.recorder.conclude(capabilityOf(found));
    const problems: Problem[] = [...found.problems, ...(emulated ? [] : await hindrances(path))];
    const usable = found.profile !== undefined && !problems.some(({ fatal }) => fatal);
    return { report: 1, version: VERSION, emulated, usb: await usbIds(path), ...found, call, problems, usable };
  } finally {
    await transcript?.close();
  }
}

async function examineAndCall(deps: DoctorDeps, options: DoctorOptions, subject: Subject, openPort: OpenSerial) {
  const { clock, progress } = deps;
  const { path, baudRate, country } = subject;
  const profiles = await loadProfiles(subject.profiles);
  const forced = subject.profile === undefined ? undefined : profileNamed(profiles, subject.profile);
  const unmasked = options.unmasked ?? false;
  const link = linkBytesPerSecond(path, baudRate);
  const found = await examine(
    { clock, openPort, explain: explainAccess, progress },
    { path, baudRate, country, profiles, forced, linkBytesPerSecond: link, unmasked },
  );
  const able = found.profile !== undefined && !found.problems.some(({ fatal }) => fatal);
  if (options.call === undefined || !able) return { found, call: undefined };
  const lineDeps = { clock, log: silentLogger, openPort };
  const common = { name: 'doctor', path, baudRate, profiles, ...(forced ? { profile: forced } : {}) };
  const { audioPath } = subject;
  const isMobile = found.profile?.kind === 'cellular';
  if (isMobile && audioPath === undefined) return { found, call: noAudioDevice };
  progress('placing the call');
  const line =
    isMobile && audioPath !== undefined
      ? new CellularLine(lineDeps, { ...common, audioPath })
      : new ModemLine(lineDeps, { ...common, country });
  return { found, call: await callTrial({ clock }, line, options.call) };
}

const noAudioDevice: CallTrial = {
  outcome: 'not placed: the configuration does not name line.audio_device',
  answer: undefined,
  bytesHeard: 0,
  bytesPlayed: 0,
};

function transcriptOf({ clock, progress }: DoctorDeps, { unmasked = false }: DoctorOptions, file: string): Transcript {
  const failed = (reason: string) => progress(`the transcript cannot be written: ${reason}`);
  const program = `copperring doctor ${VERSION}`;
  return openTranscript({ clock, failed }, file, { program, keptSound: KEPT_SOUND, unmasked });
}

/** From the options, else from the configuration, else the only modem that is there. */
async function subjectOf(deps: DoctorDeps, options: DoctorOptions): Promise<Subject> {
  const file =
    options.config ?? (options.device === undefined && (await exists(USUAL_CONFIG)) ? USUAL_CONFIG : undefined);
  const line = file === undefined ? undefined : await lineOf(deps, file, options.name);
  const country = countryOf(options.country) ?? line?.country ?? 'US';
  const common = {
    baudRate: line?.baud_rate ?? 115_200,
    country,
    profile: options.profile ?? line?.profile,
    profiles: line?.profiles,
    audioPath: line?.audio_device,
  };
  const path = options.device ?? line?.device;
  if (path !== undefined) return { ...common, path, emulated: false, close: async () => {} };
  if (line?.emulated) {
    const emulator = await LineEmulator.start(deps, { program: deps.program, country });
    return { ...common, path: emulator.path, emulated: true, close: () => emulator.stop() };
  }
  return { ...common, path: await onlyDevice(), emulated: false, close: async () => {} };
}

async function lineOf({ environment }: DoctorDeps, file: string, name: string | undefined) {
  const { lines } = await loadConfig(file, environment);
  const line = name === undefined ? lines[0] : lines.find((candidate) => candidate.name === name);
  if (line !== undefined) return line;
  const names = lines.map((known) => known.name).join(', ');
  throw failure(
    'no-such-line',
    names === '' ? `${file} has no [line]; give --device` : `${file} has these lines: ${names}`,
  );
}

async function onlyDevice(): Promise<string> {
  if (await exists(USUAL_DEVICE)) return USUAL_DEVICE;
  const devices = await serialDevices();
  const [only] = devices;
  if (only !== undefined && devices.length === 1) return only;
  const list = devices.length === 0 ? 'no serial device is plugged in' : `there are several: ${devices.join(', ')}`;
  throw failure('no-device', `give --device or --config; ${list}`);
}

function countryOf(text: string | undefined): CountryCode | undefined {
  const code = Object.keys(countries).find((known): known is CountryCode => known === text && known in countries);
  if (text === undefined || code !== undefined) return code;
  throw failure('bad-option', `--country is one of ${Object.keys(countries).join(', ')}`);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function failure(code: DoctorFault['code'], message: string): Failure<DoctorFault> {
  return new Failure<DoctorFault>({ code }, message);
}
