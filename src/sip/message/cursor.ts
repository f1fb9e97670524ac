import { isOf, isSpace, TOKEN } from '#sip/message/characters.ts';
import { malformed } from '#sip/message/fault.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Reads an unfolded field value from left to right, each character once. `field` names it in faults. */
export class Cursor {
  readonly text: string;
  readonly field: string;
  at = 0;

  constructor(text: string, field: string) {
    this.text = text;
    this.field = field;
  }

  get done(): boolean {
    return this.at >= this.text.length;
  }

  /** The character code here, or NaN at the end. */
  peek(): number {
    return this.text.charCodeAt(this.at);
  }

  skipSpace(): void {
    while (isSpace(this.peek())) this.at++;
  }

  /** Moves over `character`, with the white space around it, when it is next. */
  take(character: string): boolean {
    this.skipSpace();
    if (this.text[this.at] !== character) return false;
    this.at++;
    this.skipSpace();
    return true;
  }

  expect(character: string): void {
    if (!this.take(character)) throw malformed(this.field, `"${character}" is missing`);
  }

  /** The longest run of characters of a class; may be empty. */
  run(bit: number): string {
    const start = this.at;
    while (isOf(this.peek(), bit)) this.at++;
    return this.text.slice(start, this.at);
  }

  token(what: string): string {
    const token = this.run(TOKEN);
    if (token === '') throw malformed(this.field, `${what} is missing`);
    return token;
  }

  /** A quoted-string with its quotes and backslashes, as written. */
  quoted(): string {
    const start = this.at;
    this.at++;
    for (; !this.done; this.at++) {
      const code = this.peek();
      if (code === BACKSLASH) this.at++;
      else if (code === QUOTE) return this.text.slice(start, ++this.at);
    }
    throw malformed(this.field, 'a quoted string does not end');
  }

  /** Everything up to `character`, which is consumed. */
  until(character: string): string {
    const end = this.text.indexOf(character, this.at);
    if (end < 0) throw malformed(this.field, `"${character}" is missing`);
    const found = this.text.slice(this.at, end);
    this.at = end + 1;
    return found;
  }

  end(): void {
    this.skipSpace();
    if (!this.done) throw malformed(this.field, 'there is something left after its end');
  }

  isQuote(): boolean {
    return this.peek() === QUOTE;
  }
}

/** What a quoted-string means: without its quotes, escapes resolved. */
export function unquote(quoted: string): string {
  const inner = quoted.slice(1, -1);
  return inner.includes('\\') ? inner.replace(/\\([\s\S])/g, '$1') : inner;
}

/** A quoted-string that means `text`. Line ends cannot be in one and become spaces. */
export function quote(text: string): string {
  return `"${text.replace(/[\r\n]/g, ' ').replace(/["\\]/g, '\\$&')}"`;
}
