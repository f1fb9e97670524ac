import { trimSpace } from '#sip/message/characters.ts';
import { malformed } from '#sip/message/fault.ts';
import { headerKey, isList } from '#sip/message/header-names.ts';

/** One header field. `text` is the whole field as received, folds included, without its last CRLF. */
export interface HeaderField {
  readonly key: string;
  readonly text: string;
  readonly colon: number;
}

/** A field to add: its name as it shall be printed, and its value. */
export type NewField = readonly [name: string, value: string];

/**
 * The header of one message, in order; every change gives a new one. Fields that were not changed keep their bytes
 * (text is Latin-1: one character an octet).
 */
export class Headers {
  readonly fields: readonly HeaderField[];

  constructor(fields: readonly HeaderField[]) {
    this.fields = fields;
  }

  static of(fields: readonly NewField[]): Headers {
    return new Headers(fields.map(([name, value]) => makeField(name, value)));
  }

  has(name: string): boolean {
    const key = headerKey(name);
    return this.fields.some((field) => field.key === key);
  }

  count(name: string): number {
    const key = headerKey(name);
    return this.fields.reduce((count, field) => (field.key === key ? count + 1 : count), 0);
  }

  /** The value of the first field of that name, unfolded and trimmed. */
  value(name: string): string | undefined {
    const key = headerKey(name);
    for (const field of this.fields) if (field.key === key) return fieldValue(field);
    return undefined;
  }

  /** The elements of all fields of that name, those joined by commas taken apart. */
  list(name: string): string[] {
    const key = headerKey(name);
    const elements: string[] = [];
    for (const field of this.fields) {
      if (field.key !== key) continue;
      const value = fieldValue(field);
      if (isList(key)) elements.push(...splitList(value, name));
      else elements.push(value);
    }
    return elements;
  }

  /** The first element of the first field of that name. */
  first(name: string): string | undefined {
    const key = headerKey(name);
    const field = this.fields.find((candidate) => candidate.key === key);
    if (field === undefined) return undefined;
    const value = fieldValue(field);
    return isList(key) && value.includes(',') ? splitList(value, name)[0] : value;
  }

  /** Puts one field of that name in the place of all there are, or at the end. */
  set(name: string, value: string): Headers {
    const key = headerKey(name);
    const at = this.fields.findIndex((field) => field.key === key);
    if (at < 0) return this.append(name, value);
    const fields = this.fields.filter((field, i) => i === at || field.key !== key);
    fields[at] = makeField(name, value);
    return new Headers(fields);
  }

  append(name: string, value: string): Headers {
    return new Headers([...this.fields, makeField(name, value)]);
  }

  /** Adds a field ahead of the first of its name, or at the top. */
  prepend(name: string, value: string): Headers {
    const key = headerKey(name);
    const at = this.fields.findIndex((field) => field.key === key);
    return new Headers(this.fields.toSpliced(Math.max(at, 0), 0, makeField(name, value)));
  }

  without(...names: readonly string[]): Headers {
    const keys = names.map(headerKey);
    return new Headers(this.fields.filter((field) => !keys.includes(field.key)));
  }

  /** Replaces the first element of a list field by others; the rest of its line stays. */
  replaceFirst(name: string, ...replacement: readonly string[]): Headers {
    const key = headerKey(name);
    const at = this.fields.findIndex((field) => field.key === key);
    const field = this.fields[at];
    if (field === undefined) return this;
    const rest = splitList(fieldValue(field), name).slice(1);
    const elements = [...replacement, ...rest];
    if (elements.length === 0) return new Headers(this.fields.toSpliced(at, 1));
    return new Headers(
      this.fields.toSpliced(at, 1, makeField(field.text.slice(0, nameEnd(field)), elements.join(', '))),
    );
  }

  /** All fields of that name, for copying into another message. */
  copy(...names: readonly string[]): HeaderField[] {
    const keys = names.map(headerKey);
    return this.fields.filter((field) => keys.includes(field.key));
  }
}

function makeField(name: string, value: string): HeaderField {
  return { key: headerKey(name), text: `${name}: ${value}`, colon: name.length };
}

function nameEnd(field: HeaderField): number {
  let end = field.colon;
  while (end > 0 && field.text.charCodeAt(end - 1) <= 0x20) end--;
  return end;
}

/** RFC 3261 §7.3.1: a fold counts as one space. */
export function fieldValue(field: HeaderField): string {
  const value = field.text.slice(field.colon + 1);
  return trimSpace(value.includes('\r\n') ? value.replace(/\r\n[ \t]+/g, ' ') : value);
}

const MAX_ELEMENTS = 256;

/** Takes a comma-joined value apart; commas in quotes, brackets and parentheses of comments do not count. */
export function splitList(value: string, field: string): string[] {
  if (!value.includes(',')) return [value];
  const elements: string[] = [];
  let start = 0;
  let quoted = false;
  let bracketed = false;
  for (let i = 0; i < value.length; i++) {
    const character = value[i];
    if (quoted) {
      if (character === '\\') i++;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = !bracketed;
    else if (character === '<') bracketed = true;
    else if (character === '>') bracketed = false;
    else if (character === ',' && !bracketed) {
      elements.push(trimSpace(value.slice(start, i)));
      start = i + 1;
      if (elements.length >= MAX_ELEMENTS) throw malformed(field, `more than ${MAX_ELEMENTS} values`);
    }
  }
  elements.push(trimSpace(value.slice(start)));
  return elements;
}
