import type { CallerId } from '#pstn/line.ts';

/** The fields of one caller ID block, as far as it has come. */
export interface CallerIdBlock {
  readonly date?: string;
  readonly time?: string;
  readonly number?: string;
  readonly name?: string;
  /** A raw message as hexadecimal, which modems send when they can't read its kind. */
  readonly message?: string;
}

const MAX_FIELD = 64;

/** Adds a line to a block, undefined when it is no line of caller ID. `NMBR = 5551234` and `NMBR=5551234` are both in use. */
export function addCallerIdLine(block: CallerIdBlock, line: string): CallerIdBlock | undefined {
  const equals = line.indexOf('=');
  if (equals < 0) return undefined;
  const value = line.slice(equals + 1, equals + 1 + MAX_FIELD).trim();
  switch (line.slice(0, equals).trim().toUpperCase()) {
    case 'DATE':
      return { ...block, date: value };
    case 'TIME':
      return { ...block, time: value };
    case 'NMBR':
    case 'DDN_NMBR':
      return { ...block, number: value };
    case 'NAME':
      return { ...block, name: value };
    case 'MESG':
      return { ...block, message: value };
    default:
      return undefined;
  }
}

/** Whether nothing more is expected. Without a name the block may go on, so its reader waits a little. */
export function isComplete(block: CallerIdBlock): boolean {
  return block.number !== undefined && block.name !== undefined;
}

const noCallerId: CallerId = { number: undefined, name: undefined, presentation: 'unavailable' };

/** `P` means withheld and `O` out of area (Bellcore TR-NWT-000031), in the number or in the name. */
export function callerIdOf(block: CallerIdBlock): CallerId {
  const number = digitsOf(block.number ?? '');
  const name = printableName(block.name ?? '');
  if (number !== undefined) return { number, name, presentation: 'available' };
  const marks = [block.number, block.name].map((field) => (field ?? '').toUpperCase());
  const withheld = marks.some((mark) => mark === 'P' || mark.startsWith('PRIVATE') || mark.startsWith('WITHHELD'));
  return withheld ? { number: undefined, name: undefined, presentation: 'withheld' } : { ...noCallerId, name };
}

/** A dialable number: digits with an optional leading plus; separators are dropped. */
function digitsOf(text: string): string | undefined {
  const plain = text.replace(/[ ().-]/g, '');
  return /^\+?[0-9*#]{1,32}$/.test(plain) ? plain : undefined;
}

function printableName(text: string): string | undefined {
  const name = text.replace(/[^\x20-\x7e]/g, '').trim();
  const mark = name.toUpperCase();
  return name === '' || mark === 'O' || mark === 'P' || mark.startsWith('OUT OF') ? undefined : name;
}
