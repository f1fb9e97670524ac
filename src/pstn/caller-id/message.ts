import type { CallerIdBlock } from '#pstn/caller-id.ts';

/** Message types: Telcordia GR-30-CORE §2.3 for single data (SDMF), ETSI EN 300 659-3 §5.2 for several parameters (MDMF), which are Telcordia's. */
const SINGLE_CALL_SETUP = 0x04;
const SINGLE_MESSAGE_WAITING = 0x06;
const CALL_SETUP = 0x80;
const MESSAGE_WAITING = 0x82;
/** All that may begin a message, those among them that are of no use here: advice of charge and short messages. */
const TYPES: readonly number[] = [SINGLE_CALL_SETUP, SINGLE_MESSAGE_WAITING, CALL_SETUP, MESSAGE_WAITING, 0x86, 0x89];

/** Parameters (ETSI EN 300 659-3 §5.3, Telcordia GR-31, SIN 227 §6). */
const DATE_AND_TIME = 0x01;
const CALLING_NUMBER = 0x02;
const NO_NUMBER = 0x04;
const NAME = 0x07;
const NO_NAME = 0x08;
const VISUAL_INDICATOR = 0x0b;
const CALL_TYPE = 0x11;
const MESSAGE_COUNT = 0x13;

/** SDMF says waiting by 0x42 and not waiting by 0x6f, three times each (Telcordia GR-1401). */
const SINGLE_WAITING = 0x42;
/** Call types (ETSI EN 300 659-3 §5.4.8). */
const CALL_TYPES = new Map<number, CallKind>([
  [0x01, 'voice'],
  [0x02, 'ring-back'],
  [0x03, 'name-delivery'],
  [0x81, 'message-waiting'],
]);

/** Longest number or name that is sent (ETSI EN 300 659-3 §5.4.6: 50 characters of a name). */
const MAX_TEXT = 50;

/** What kind of call a message announces. A ring-back is the exchange's, for a number that was busy. */
type CallKind = 'voice' | 'ring-back' | 'name-delivery' | 'message-waiting';

/** What a caller ID message says. */
export type CallerIdReport =
  | { readonly type: 'call'; readonly kind: CallKind; readonly block: CallerIdBlock }
  /** Voice mail at the exchange. */
  | { readonly type: 'message-waiting'; readonly waiting: boolean; readonly count: number | undefined };

/** Whether a message can begin with this byte. */
export function isMessageType(byte: number): boolean {
  return TYPES.includes(byte);
}

/** Whether type, length, data and checksum add up to nought (ETSI EN 300 659-1 §6.3). */
export function checksumFits(message: Uint8Array): boolean {
  let sum = 0;
  for (const byte of message) sum += byte;
  return (sum & 0xff) === 0;
}

/** The message with its checksum behind it. */
export function withChecksum(message: Uint8Array): Uint8Array {
  const whole = new Uint8Array(message.length + 1);
  whole.set(message);
  for (const byte of message) whole[message.length] = ((whole[message.length] ?? 0) - byte) & 0xff;
  return whole;
}

/** Reads type, length and data, undefined where they say nothing of use. Parameters that are not known are left out; one that is cut off ends the message. */
export function readCallerIdMessage(message: Uint8Array): CallerIdReport | undefined {
  const data = message.subarray(2, 2 + (message[1] ?? 0));
  switch (message[0]) {
    case SINGLE_CALL_SETUP:
      return { type: 'call', kind: 'voice', block: { ...dateAndTime(data), number: textOf(data.subarray(8)) } };
    case SINGLE_MESSAGE_WAITING:
      return { type: 'message-waiting', waiting: data[0] === SINGLE_WAITING, count: undefined };
    case CALL_SETUP:
      return callSetup(parametersOf(data));
    case MESSAGE_WAITING:
      return messageWaiting(parametersOf(data));
    default:
      return undefined;
  }
}

/** The message of a call with its checksum, as an exchange sends it. */
export function callSetupMessage(block: CallerIdBlock): Uint8Array {
  const { date = '', time = '', number = 'O', name } = block;
  const fields: (readonly [type: number, text: string])[] = [];
  if (date !== '' && time !== '') fields.push([DATE_AND_TIME, date + time]);
  fields.push([number === 'P' || number === 'O' ? NO_NUMBER : CALLING_NUMBER, number]);
  if (name !== undefined) fields.push([name === 'P' || name === 'O' ? NO_NAME : NAME, name]);
  const data = fields.flatMap(([type, text]) => {
    const bytes = Buffer.from(text.slice(0, MAX_TEXT), 'latin1');
    return [type, bytes.length, ...bytes];
  });
  return withChecksum(Uint8Array.from([CALL_SETUP, data.length, ...data]));
}

function callSetup(parameters: ReadonlyMap<number, Uint8Array>): CallerIdReport {
  const kind = CALL_TYPES.get(parameters.get(CALL_TYPE)?.[0] ?? 0x01) ?? 'voice';
  if (kind === 'message-waiting') return messageWaiting(parameters);
  // A reason for absence counts more than a number that is there all the same: what is withheld stays withheld.
  const number = reasonOf(parameters.get(NO_NUMBER)) ?? textOf(parameters.get(CALLING_NUMBER));
  const name = reasonOf(parameters.get(NO_NAME)) ?? textOf(parameters.get(NAME));
  const when = parameters.get(DATE_AND_TIME);
  return {
    type: 'call',
    kind,
    block: {
      ...(when ? dateAndTime(when) : {}),
      ...(number === undefined ? {} : { number }),
      ...(name === undefined ? {} : { name }),
    },
  };
}

/** SIN 227 announces messages by a call setup of its own type, whose count of messages may be none. */
function messageWaiting(parameters: ReadonlyMap<number, Uint8Array>): CallerIdReport {
  const count = parameters.get(MESSAGE_COUNT)?.[0];
  const indicator = parameters.get(VISUAL_INDICATOR)?.[0];
  const waiting = indicator === undefined ? count !== 0 : indicator !== 0;
  return { type: 'message-waiting', waiting, count };
}

function parametersOf(data: Uint8Array): Map<number, Uint8Array> {
  const parameters = new Map<number, Uint8Array>();
  for (let at = 0; at + 2 <= data.length; ) {
    const end = at + 2 + (data[at + 1] ?? 0);
    const type = data[at];
    if (type === undefined || end > data.length) break;
    if (!parameters.has(type)) parameters.set(type, data.subarray(at + 2, end));
    at = end;
  }
  return parameters;
}

/** `P` for a number or name that is withheld, `O` for one that is not known, whatever else the reason may be. */
function reasonOf(parameter: Uint8Array | undefined): string | undefined {
  if (parameter === undefined || parameter.length === 0) return undefined;
  return textOf(parameter)?.toUpperCase() === 'P' ? 'P' : 'O';
}

/** MMDDHHMM, as the fields of a block have it. */
function dateAndTime(data: Uint8Array): { readonly date?: string; readonly time?: string } {
  const digits = textOf(data.subarray(0, 8)) ?? '';
  return /^\d{8}$/.test(digits) ? { date: digits.slice(0, 4), time: digits.slice(4) } : {};
}

function textOf(data: Uint8Array): string;
function textOf(data: Uint8Array | undefined): string | undefined;
function textOf(data: Uint8Array | undefined): string | undefined {
  return data === undefined ? undefined : Buffer.from(data).toString('latin1').trim();
}
