/** One command out of an AT line (ITU-T V.250 §5.4). */
export type AtCommand =
  /** `E0`, `&F1`, `Z`: the name and its number, 0 when left out. */
  | { readonly type: 'basic'; readonly name: string; readonly value: number }
  | { readonly type: 'register'; readonly register: number; readonly value: number | undefined }
  | { readonly type: 'dial'; readonly text: string }
  /** `+VLS=1` (set), `+VLS?` (read), `+VSM=?` (test) and `+VTR` (act, undefined). */
  | { readonly type: 'extended'; readonly name: string; readonly operation: Operation; readonly value: string }
  | { readonly type: 'unknown' };

type Operation = 'set' | 'read' | 'test' | 'act';

const MAX_COMMANDS = 20;

/** The commands of a line without its `AT`. */
export function parseAtLine(line: string): AtCommand[] {
  const commands: AtCommand[] = [];
  let rest = line.trim();
  while (rest !== '' && commands.length < MAX_COMMANDS) {
    const { command, length } = first(rest);
    commands.push(command);
    if (command.type === 'unknown') break;
    rest = rest.slice(length).trimStart();
  }
  return commands;
}

function first(text: string): { readonly command: AtCommand; readonly length: number } {
  if (/^D/i.test(text)) return { command: { type: 'dial', text: text.slice(1) }, length: text.length };
  if (/^[+^-]/.test(text)) return extended(text);
  const register = /^S(\d{1,3})(?:=(\d{0,3})|(\?))/i.exec(text);
  if (register) {
    const [whole, number = '', value] = register;
    const set = value === undefined ? undefined : Number(value);
    return { command: { type: 'register', register: Number(number), value: set }, length: whole.length };
  }
  const basic = /^(&?[A-Z])(\d{0,3})/i.exec(text);
  if (!basic) return { command: { type: 'unknown' }, length: text.length };
  const [whole, name = '', value = ''] = basic;
  return { command: { type: 'basic', name: name.toUpperCase(), value: Number(value) }, length: whole.length };
}

/** Up to the next `;`, which may lie within quotes only. */
function extended(text: string): { readonly command: AtCommand; readonly length: number } {
  let end = 0;
  for (let quoted = false; end < text.length; end++) {
    const c = text[end];
    if (c === '"') quoted = !quoted;
    else if (c === ';' && !quoted) break;
  }
  const match = /^([+^-][A-Z0-9]+)(=\?|\?|=)?(.*)$/i.exec(text.slice(0, end));
  if (!match) return { command: { type: 'unknown' }, length: text.length };
  const [, name = '', operator, value = ''] = match;
  const operation: Operation =
    operator === '=?' ? 'test' : operator === '?' ? 'read' : operator === '=' ? 'set' : 'act';
  const command: AtCommand = { type: 'extended', name: name.toUpperCase(), operation, value: value.trim() };
  return { command, length: Math.min(end + 1, text.length) };
}
