import { dtmfSound } from '#media/dtmf.ts';
import { silence } from '#media/g711.ts';
import { ToneGenerator } from '#media/tones.ts';
import { concat } from '#platform/bytes.ts';
import type { AtCommand } from '#pstn/emulator/at-line.ts';
import { type ModemSettings, resetSettings } from '#pstn/emulator/modem-settings.ts';
import type { Personality } from '#pstn/emulator/personalities/personality.ts';
import { soundCodings } from '#pstn/emulator/sound-coding.ts';
import type { StreamMode } from '#pstn/emulator/sound-stream.ts';

/** What becomes of a command. All but `ok` and `text` end the command line. */
export type CommandOutcome =
  | { readonly type: 'ok' }
  | { readonly type: 'error' }
  | { readonly type: 'text'; readonly lines: readonly string[] }
  | { readonly type: 'hook'; readonly offHook: boolean }
  /** On hook, hearing what is on the pair. */
  | { readonly type: 'snoop' }
  /** -TRV?: the voltage between the wires is asked. */
  | { readonly type: 'voltage' }
  | { readonly type: 'reset' }
  | { readonly type: 'answer' }
  | { readonly type: 'dial'; readonly text: string }
  | { readonly type: 'stream'; readonly mode: StreamMode }
  /** `flash`: the loop is interrupted instead. */
  | { readonly type: 'tones'; readonly sound: Uint8Array; readonly flash: boolean };

const ok: CommandOutcome = { type: 'ok' };
const error: CommandOutcome = { type: 'error' };

/** Commands of fax and data that a modem takes and that change nothing here. */
const taken =
  /^(?:\+(?:FAA|FCR|FBOR|FLID|FDCC|FLO|IFC|ICF|IPR|GCI|VSD|VGT|VGR|VGM|VGS|VIT|VNH|VDR|VRID|VDT|VPR|VSP|VEM|VBT)|-STE|-TTE)$/;
const MAX_VALUE = 100;
const MAX_TONES_MS = 60_000;

/** Runs one command on the settings; what concerns the line or the sound is told as an outcome. */
export function runCommand(command: AtCommand, settings: ModemSettings, personality: Personality): CommandOutcome {
  switch (command.type) {
    case 'basic':
      return basic(command.name, command.value, { settings, personality });
    case 'register':
      if (command.value === undefined) return { type: 'text', lines: [registerText(settings, command.register)] };
      settings.registers.set(command.register, command.value);
      return ok;
    case 'dial':
      return { type: 'dial', text: command.text };
    case 'extended':
      return extended(command, { settings, personality });
    case 'unknown':
      return error;
  }
}

interface Modem {
  readonly settings: ModemSettings;
  readonly personality: Personality;
}

function basic(name: string, value: number, { settings, personality }: Modem): CommandOutcome {
  switch (name) {
    case 'E':
      settings.echo = value !== 0;
      return ok;
    case 'Q':
      settings.quiet = value !== 0;
      return ok;
    case 'V':
      settings.verbose = value !== 0;
      return ok;
    case 'X':
      settings.progress = value;
      return ok;
    case 'I':
      return identified(personality.identification[value]);
    case 'H':
      return { type: 'hook', offHook: value === 1 };
    case 'A':
      return { type: 'answer' };
    case 'Z':
    case '&F':
      resetSettings(settings, personality);
      return { type: 'reset' };
    case 'O':
      return error;
    default:
      return /^(&[CDKSW]|[LMNTPYW])$/.test(name) ? ok : error;
  }
}

/** Three digits (ITU-T V.250 §5.3.2). */
function registerText(settings: ModemSettings, register: number): string {
  return String(settings.registers.get(register) ?? 0).padStart(3, '0');
}

type Extended = Extract<AtCommand, { readonly type: 'extended' }>;

function extended(command: Extended, modem: Modem): CommandOutcome {
  const { settings, personality } = modem;
  if (personality.refused.includes(command.name)) return error;
  switch (command.name) {
    case '+FMI':
      return known(personality.manufacturer);
    case '+FMM':
      return known(personality.model);
    case '+FMR':
      return known(personality.revision);
    case '+FCLASS':
      return fclass(command, settings);
    case '+VSM':
      return voiceMethod(command, modem);
    case '+VGT':
      return gain(command, modem, personality.gain.transmit);
    case '+VGR':
      return gain(command, modem, personality.gain.receive);
    case '-STE':
    case '-TTE':
      return personality.measuresLine ? other(command, settings) : error;
    case '-TRV':
      return personality.measuresLine ? { type: 'voltage' } : error;
    case '+VCID':
      if (command.operation === 'read') return text(settings.callerId ? '1' : '0');
      settings.callerId = command.value !== '0' && command.operation === 'set';
      return ok;
    case '+VTD':
      settings.toneLength = number(command.value, settings.toneLength);
      return ok;
    case '+VRA':
      settings.ringbackGone = number(command.value, settings.ringbackGone);
      return ok;
    case '+VRN':
      settings.ringbackNever = number(command.value, settings.ringbackNever);
      return ok;
    default:
      return settings.fclass === '8' ? voice(command, modem) : other(command, settings);
  }
}

/** The commands that act on the line, which are known in voice class only. */
function voice(command: Extended, { settings, personality }: Modem): CommandOutcome {
  const act = command.operation === 'act' || command.operation === 'set';
  switch (command.name) {
    case '+VLS':
      if (command.operation === 'test') return text(personality.snoops ? '(0,1,2,3,4,5,6,7,20)' : '(0,1,2,3,4,5,6,7)');
      return command.operation === 'set' ? lineSelect(Number(command.value), personality) : error;
    case '+VTX':
      return act ? { type: 'stream', mode: 'transmit' } : error;
    case '+VRX':
      return act ? { type: 'stream', mode: 'receive' } : error;
    case '+VTR':
      // The real chip answers ERROR to a test of the command that it does know.
      return act && personality.duplexExits ? { type: 'stream', mode: 'duplex' } : error;
    case '+VTS': {
      const sound = command.operation === 'set' ? tones(command.value, settings) : undefined;
      return sound ? { type: 'tones', sound, flash: command.value.includes('!') } : error;
    }
    default:
      return other(command, settings);
  }
}

function fclass(command: Extended, settings: ModemSettings): CommandOutcome {
  if (command.operation === 'read') return text(settings.fclass);
  if (command.operation === 'test') return text('0,1,1.0,2,8');
  if (!['0', '1', '1.0', '2', '8'].includes(command.value)) return error;
  const leaves = settings.fclass === '8' && command.value !== '8';
  settings.fclass = command.value;
  return leaves ? { type: 'hook', offHook: false } : ok;
}

function voiceMethod(command: Extended, { settings, personality }: Modem): CommandOutcome {
  if (command.operation === 'read') return text(`${settings.codingNumber},8000,0,0`);
  if (command.operation === 'test') return { type: 'text', lines: personality.codings.map(({ row }) => row) };
  const [method, rate = '8000'] = command.value.split(',');
  const row = personality.codings.find((candidate) => candidate.number === Number(method));
  if (row?.coding === undefined || Number(rate) !== 8000) return error;
  settings.codingNumber = row.number;
  settings.coding = soundCodings[row.coding];
  return ok;
}

function gain(command: Extended, { settings }: Modem, [least, most]: readonly [number, number]): CommandOutcome {
  if (command.operation === 'test') return text(`(${least}-${most})`);
  const value = Number(command.value);
  return command.operation === 'set' && !(value >= least && value <= most) ? error : other(command, settings);
}

function lineSelect(value: number, personality: Personality): CommandOutcome {
  if (value === 20) return personality.snoops ? { type: 'snoop' } : error;
  return { type: 'hook', offHook: [1, 3, 5, 7].includes(value) };
}

function other(command: Extended, settings: ModemSettings): CommandOutcome {
  if (!taken.test(command.name)) return error;
  if (command.operation === 'read') return text(settings.other.get(command.name) ?? '0');
  if (command.operation === 'set') settings.other.set(command.name, command.value.slice(0, MAX_VALUE));
  return ok;
}

/** `1,2`, `{d,10}` and `[f1,f2,10]`, lengths in 10 ms; undefined for anything else. */
function tones(value: string, settings: ModemSettings): Uint8Array | undefined {
  const parts: Uint8Array[] = [];
  let ms = 0;
  for (const item of value.match(/\[[^\]]*\]|\{[^}]*\}|[^,]+/g) ?? []) {
    const [first = '', second = '', third = ''] = item.replace(/[[\]{}]/g, '').split(',');
    const length = 10 * number(item.startsWith('[') ? third : second, settings.toneLength);
    ms += length;
    if (ms > MAX_TONES_MS) return undefined;
    if (item.startsWith('[')) {
      const frequencies = [first, second].map(Number).filter((hz) => hz > 0 && hz < 4000);
      parts.push(new ToneGenerator(frequencies).next(length * 8));
    } else if (/^[0-9*#A-D]$/.test(first)) parts.push(dtmfSound(first, length, PAUSE_MS));
    else if (first === '!') parts.push(silence(length * 8));
    else return undefined;
  }
  return parts.length === 0 ? undefined : concat(...parts);
}

const PAUSE_MS = 70;

function number(value: string, otherwise: number): number {
  return /^\d{1,5}$/.test(value) ? Number(value) : otherwise;
}

function text(line: string): CommandOutcome {
  return { type: 'text', lines: [line] };
}

function known(line: string | undefined): CommandOutcome {
  return line === undefined ? error : text(line);
}

/** An identification that a modem does not have is no error. */
function identified(line: string | undefined): CommandOutcome {
  return line === undefined ? ok : text(line);
}
