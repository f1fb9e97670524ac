import type { AtCommand } from '#pstn/emulator/at-line.ts';
import type { CellularPersonality } from '#pstn/emulator/cellular/module.ts';

/** What AT commands set in a module. A restart brings it back. */
export interface ModuleSettings {
  echo: boolean;
  /** +CLIP. */
  callerId: boolean;
  /** +DDET or +QTONEDET. */
  digits: boolean;
  /** ^DSCI. */
  dsci: boolean;
  /** +CVHU: only with 0 does ATH hang up. */
  voiceHangUp: string;
  positions: boolean;
  /** The SIM card wants its PIN. */
  locked: boolean;
  readonly other: Map<string, string>;
}

export type ModuleOutcome =
  | { readonly type: 'ok' }
  | { readonly type: 'error'; readonly code?: number }
  | { readonly type: 'text'; readonly lines: readonly string[] }
  | { readonly type: 'dial'; readonly number: string }
  | { readonly type: 'answer' }
  | { readonly type: 'hang-up' }
  | { readonly type: 'digit'; readonly digit: string }
  | { readonly type: 'sound'; readonly on: boolean }
  /** +CLCC, +CREG?, +CSQ: known to the module only. */
  | { readonly type: 'calls' }
  | { readonly type: 'registration'; readonly name: string }
  /** +CEER. */
  | { readonly type: 'cause' }
  | { readonly type: 'signal' }
  | { readonly type: 'restart' };

const ok: ModuleOutcome = { type: 'ok' };
const error: ModuleOutcome = { type: 'error' };

/** Taken, kept, and of no effect here. */
const taken =
  /^\+(CMEE|CMGF|CNMI|CRC|CLVL|CMUT|CPCMFRM|CPCMBANDWIDTH|CSDVC|COLP|CSSN|CCWA|QURCCFG|QCFG|QAUDMOD|CTZR|CLIR|IFC|IPR|ECHO|CVHU|VTD)$/;
const MAX_VALUE = 100;

export function moduleSettings(personality: CellularPersonality): ModuleSettings {
  return {
    echo: true,
    callerId: false,
    digits: false,
    dsci: false,
    voiceHangUp: '1',
    positions: personality.positions,
    locked: false,
    other: new Map(),
  };
}

/** Runs one command on the settings; what concerns a call is told as an outcome. */
export function runModuleCommand(
  command: AtCommand,
  settings: ModuleSettings,
  personality: CellularPersonality,
): ModuleOutcome {
  switch (command.type) {
    case 'basic':
      return basic(command, settings, personality);
    case 'register':
      return command.value === undefined ? { type: 'text', lines: ['000'] } : ok;
    case 'dial': {
      // Without the semicolon it is a data call.
      const number = /^[TP]?([0-9+*#]{1,32});$/i.exec(command.text.trim())?.[1];
      return number === undefined ? error : { type: 'dial', number };
    }
    case 'extended':
      return extended(command, settings, personality);
    case 'unknown':
      return error;
  }
}

type Basic = Extract<AtCommand, { readonly type: 'basic' }>;
type Extended = Extract<AtCommand, { readonly type: 'extended' }>;

function basic({ name, value }: Basic, settings: ModuleSettings, personality: CellularPersonality): ModuleOutcome {
  switch (name) {
    case 'E':
      settings.echo = value !== 0;
      return ok;
    case 'I':
      return { type: 'text', lines: personality.identification };
    case 'A':
      return { type: 'answer' };
    case 'H':
      return settings.voiceHangUp === '0' ? { type: 'hang-up' } : ok;
    case 'Z':
    case '&F':
      Object.assign(settings, moduleSettings(personality), {
        echo: settings.echo,
        positions: settings.positions,
        locked: settings.locked,
      });
      return ok;
    default:
      return /^(&[CDKSW]|[LMQVX])$/.test(name) ? ok : error;
  }
}

function extended(command: Extended, settings: ModuleSettings, personality: CellularPersonality): ModuleOutcome {
  const { name, value, operation } = command;
  const on = operation === 'set' && value !== '0';
  switch (name) {
    case '+CGMI':
    case '+GMI':
      return text(personality.manufacturer);
    case '+CGMM':
    case '+GMM':
      return text(personality.model);
    case '+CPIN':
      return text(settings.locked ? '+CPIN: SIM PIN' : '+CPIN: READY');
    case '+CEER':
      return { type: 'cause' };
    case '+CREG':
    case '+CEREG':
    case '+CGREG':
      return operation === 'read' ? { type: 'registration', name } : ok;
    case '+CSQ':
      return { type: 'signal' };
    case '+CLCC':
      return operation === 'act' ? { type: 'calls' } : ok;
    case '+CLIP':
      if (operation === 'read') return text(`+CLIP: ${settings.callerId ? 1 : 0},1`);
      settings.callerId = on;
      return ok;
    case '+CHUP':
      return { type: 'hang-up' };
    case '+CVHU':
      if (operation === 'set') settings.voiceHangUp = value;
      return ok;
    case '+VTS': {
      const digit = /^"?([0-9*#A-D])"?$/.exec(value)?.[1];
      return digit === undefined ? error : { type: 'digit', digit };
    }
    default:
      return own(command, settings, personality);
  }
}

/** The commands that one module has and the other has not. */
function own(command: Extended, settings: ModuleSettings, personality: CellularPersonality): ModuleOutcome {
  const { name, value, operation } = command;
  const { sound, digits, events, positions, restart } = personality;
  if (name === sound.command) {
    if (operation !== 'set') return operation === 'test' ? ok : text(`${name}: ${settings.other.get(name) ?? '0'}`);
    if (value !== sound.on && value !== sound.off) return error;
    return { type: 'sound', on: value === sound.on };
  }
  if (name === digits.command) {
    settings.digits = operation === 'set' && value !== '0';
    return ok;
  }
  if (name === '^DSCI' && events === 'dsci') {
    settings.dsci = operation === 'set' && value !== '0';
    return ok;
  }
  if (positions && (name === '+QGPSEND' || (name === '+QGPSCFG' && value === '"outport","none"'))) {
    settings.positions = false;
    return ok;
  }
  if (positions && name === '+QGPS') return text(`+QGPS: ${settings.positions ? 1 : 0}`);
  // +CFUN=1,1 restarts any module; 1 and 0 alone switch its radio.
  if (name === '+CFUN' || name === restart) return name === '+CFUN' && value !== '1,1' ? ok : { type: 'restart' };
  if (!taken.test(name)) return error;
  if (operation === 'read') return text(`${name}: ${settings.other.get(name) ?? '0'}`);
  settings.other.set(name, value.slice(0, MAX_VALUE));
  return ok;
}

function text(line: string): ModuleOutcome {
  return { type: 'text', lines: [line] };
}
