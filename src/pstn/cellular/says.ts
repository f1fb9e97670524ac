import type { CallerId } from '#pstn/line.ts';
import type { CellularProfile } from '#pstn/modem/profiles/schema.ts';

/** Where a call stands. `held` and `waiting` are of other calls than the one in progress. */
export type Progress = 'active' | 'held' | 'dialling' | 'alerting' | 'incoming' | 'waiting' | 'ended';

/** One line of a cellular module, understood. */
export type Said =
  | { readonly type: 'result'; readonly ok: boolean; readonly text: string }
  | { readonly type: 'ring' }
  | { readonly type: 'caller'; readonly callerId: CallerId }
  /** A row of +CLCC: there is such a call. */
  | { readonly type: 'listed'; readonly progress: Progress }
  /** A call came so far. */
  | { readonly type: 'progress'; readonly progress: Progress }
  | { readonly type: 'over'; readonly why: 'busy' | 'no-answer' | 'ended' }
  | { readonly type: 'missed' }
  | { readonly type: 'key'; readonly key: string }
  | { readonly type: 'waiting'; readonly callerId: CallerId }
  | { readonly type: 'registration'; readonly isIn: boolean }
  | { readonly type: 'signal'; readonly dbm: number | undefined }
  | { readonly type: 'card'; readonly state: string }
  /** Whether +CLIP is on: a restart forgets it. */
  | { readonly type: 'caller-id-on'; readonly on: boolean }
  | { readonly type: 'cause'; readonly text: string }
  | { readonly type: 'text'; readonly text: string };

/** 3GPP TS 27.007 §7.18. */
const listed: readonly Progress[] = ['active', 'held', 'dialling', 'alerting', 'incoming', 'waiting'];
/** ^DSCI (Quectel's manual). */
const told: readonly (Progress | undefined)[] = [
  undefined,
  'held',
  'dialling',
  'active',
  'incoming',
  'waiting',
  'ended',
  'alerting',
];
const MAX_FIELDS = 16;
const MAX_NAME = 64;
const MAX_CAUSE = 120;

/** What a line says: results, answers and what comes unasked (3GPP TS 27.007, and the makers' own). Unknown lines are text. */
export function understand(line: string, keys: CellularProfile['keys'] | undefined): Said {
  const word = words.get(line);
  if (word) return word;
  const colon = line.indexOf(':');
  const name = colon < 0 ? line : line.slice(0, colon);
  const rest = colon < 0 ? '' : line.slice(colon + 1).trim();
  if (keys !== undefined && name === keys.report) return pressed(rest, keys.as) ?? text(line);
  return byName(name, rest) ?? text(line);
}

const words: ReadonlyMap<string, Said> = new Map<string, Said>([
  ['OK', { type: 'result', ok: true, text: 'OK' }],
  ['ERROR', { type: 'result', ok: false, text: 'ERROR' }],
  ['RING', { type: 'ring' }],
  ['BUSY', { type: 'over', why: 'busy' }],
  ['NO ANSWER', { type: 'over', why: 'no-answer' }],
  ['NO CARRIER', { type: 'over', why: 'ended' }],
  ['VOICE CALL: BEGIN', { type: 'progress', progress: 'active' }],
]);

function byName(name: string, rest: string): Said | undefined {
  switch (name) {
    case '+CRING':
      return { type: 'ring' };
    case '+CLIP':
      return rest.startsWith('"') ? { type: 'caller', callerId: callerIdOf(fieldsOf(rest), 0) } : clipSetting(rest);
    case '+CCWA':
      return rest.startsWith('"') ? { type: 'waiting', callerId: callerIdOf(fieldsOf(rest), 1) } : undefined;
    case '+CLCC':
      return callRow(fieldsOf(rest));
    case '^DSCI':
      return callStep(fieldsOf(rest));
    case 'VOICE CALL':
      return rest.startsWith('END') ? { type: 'over', why: 'ended' } : undefined;
    case 'MISSED_CALL':
      return { type: 'missed' };
    case '+CREG':
      return registration(fieldsOf(rest));
    case '+CSQ':
      return signal(fieldsOf(rest));
    case '+CPIN':
      return { type: 'card', state: rest.slice(0, MAX_NAME) };
    case '+CEER':
      return { type: 'cause', text: printable(rest).slice(0, MAX_CAUSE) };
    case '+CME ERROR':
      return { type: 'result', ok: false, text: `+CME ERROR: ${printable(rest).slice(0, MAX_NAME)}` };
    default:
      return undefined;
  }
}

function clipSetting(rest: string): Said | undefined {
  const on = /^([01])\s*(?:,|$)/.exec(rest)?.[1];
  return on === undefined ? undefined : { type: 'caller-id-on', on: on === '1' };
}

/** id, direction, state, mode, ...; a module may list its data connection too (mode 1), which is no call. */
function callRow(fields: readonly string[]): Said | undefined {
  const progress = listed[whole(fields[2])];
  return progress === undefined || fields[3] !== '0' ? undefined : { type: 'listed', progress };
}

/** id, direction, state, kind, number, type, ... */
function callStep(fields: readonly string[]): Said | undefined {
  const progress = told[whole(fields[2])];
  return progress === undefined || fields[3] !== '0' ? undefined : { type: 'progress', progress };
}

/** `+CREG: 1` unasked, `+CREG: 0,1` as an answer; 1 at home, 5 abroad (3GPP TS 27.007 §7.2). */
function registration(fields: readonly string[]): Said {
  // Asked for, the setting comes first; unasked, the cell may follow in quotes.
  const stat = /^\d{1,2}$/.test(fields[1] ?? '') ? fields[1] : fields[0];
  return { type: 'registration', isIn: stat === '1' || stat === '5' };
}

/** 0 to 31 are -113 to -51 dBm, 99 not known (3GPP TS 27.007 §8.5). */
function signal(fields: readonly string[]): Said {
  const strength = whole(fields[0]);
  return { type: 'signal', dbm: strength >= 0 && strength <= 31 ? -113 + 2 * strength : undefined };
}

/** Number, type, ..., name and validity, the same in +CLIP and, one field later, in +CCWA (3GPP TS 27.007 §7.11, §7.12). */
function callerIdOf(fields: readonly string[], later: 0 | 1): CallerId {
  const number = /^\+?[0-9*#]{1,32}$/.test(fields[0] ?? '') ? fields[0] : undefined;
  const [alpha, validity] = later === 0 ? [fields[4], fields[5]] : [fields[3], fields[4]];
  const name = printable(alpha ?? '').slice(0, MAX_NAME) || undefined;
  if (validity === '1') return { number: undefined, name: undefined, presentation: 'withheld' };
  if (number === undefined || (validity ?? '0') > '1') return { number: undefined, name, presentation: 'unavailable' };
  return { number, name, presentation: 'available' };
}

function pressed(rest: string, as: 'key' | 'code'): Said | undefined {
  const key = as === 'key' ? rest.replaceAll('"', '') : String.fromCharCode(whole(rest));
  return /^[0-9*#A-D]$/.test(key) ? { type: 'key', key } : undefined;
}

/** Splits at commas outside of quotes, and takes the quotes off. */
function fieldsOf(text: string): string[] {
  const fields = [''];
  let quoted = false;
  for (const character of text) {
    if (character === '"') quoted = !quoted;
    else if (character !== ',' || quoted) fields[fields.length - 1] += character;
    else if (fields.length === MAX_FIELDS) break;
    else fields.push('');
  }
  return fields.map((field) => field.trim());
}

/** -1 for anything but a whole number of up to three digits. */
function whole(text: string | undefined): number {
  return text !== undefined && /^\d{1,3}$/.test(text) ? Number(text) : -1;
}

function text(line: string): Said {
  return { type: 'text', text: line };
}

function printable(value: string): string {
  return value.replace(/[^\x20-\x7e]/g, '').trim();
}
